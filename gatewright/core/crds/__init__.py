"""CustomResourceDefinitions, checked and completed as Kubernetes does: `apiserver` serves them, `policy` makes them."""
