// Command realapi is kube-apiserver, etcd and kube-controller-manager in one binary: they share most of their packages,
// so that one link replaces three. It acts as the program whose name it was called by (the build leaves one link each), or
// whose name is its first argument. Only tests use it; server.py starts it.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	if os.Getenv("REALAPI_LEASH") == "stdin" {
		go followParent()
	}
	name := filepath.Base(os.Args[0])
	if name == "realapi" && len(os.Args) > 1 {
		os.Args = os.Args[1:]
		name = os.Args[0]
	}
	switch name {
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(manager.NewControllerManagerCommand()))
	case "etcd":
		etcdmain.Main(os.Args)
	default:
		fmt.Fprintf(os.Stderr, "realapi: call me kube-apiserver, kube-controller-manager or etcd, not %q\n", name)
		os.Exit(2)
	}
}

// followParent ends the program when standard input ends. A test holds the other end of that pipe, so that nothing is left
// running where the test itself was killed and could not stop what it had started.
func followParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
