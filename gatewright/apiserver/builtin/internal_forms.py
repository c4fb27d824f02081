"""Pod specs as the server's messages print them: the names of Go's internal types, every field, zero values included.

`pods` prints the difference of two specs, `jobs` a whole template. Source: the answers of a real API server; names and
order of fields are those of Kubernetes' internal types (1.36).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatewright.core import go_text
from gatewright.core.go_text import Struct
from gatewright.core.objects import Object

# One line (or more, indented) for each type: Name[=key]:type for a field, +Type for an embedded type. Types: s string,
# n number, b boolean, q quantity, i number or string, t time, L label selector, M metadata, * pointer, [] list, {} map.
# A key ^x stands in the object around.
_TYPES = """
PodSpec Volumes:[]Volume InitContainers:[]Container Containers:[]Container EphemeralContainers:[]EphemeralContainer
  RestartPolicy:s TerminationGracePeriodSeconds:*n ActiveDeadlineSeconds:*n DNSPolicy=dnsPolicy:s NodeSelector:{}s
  ServiceAccountName:s AutomountServiceAccountToken:*b NodeName:s SecurityContext:*PodSecurityContext
  ImagePullSecrets:[]LocalObjectReference Hostname:s Subdomain:s SetHostnameAsFQDN:*b Affinity:*Affinity
  SchedulerName:s Tolerations:[]Toleration HostAliases:[]HostAlias PriorityClassName:s Priority:*n PreemptionPolicy:*s
  DNSConfig=dnsConfig:*PodDNSConfig ReadinessGates:[]PodReadinessGate RuntimeClassName:*s Overhead:{}q
  EnableServiceLinks:*b TopologySpreadConstraints:[]TopologySpreadConstraint OS=os:*PodOS
  SchedulingGates:[]PodSchedulingGate ResourceClaims:[]PodResourceClaim Resources:*ResourceRequirements
  HostnameOverride:*s SchedulingGroup:*PodSchedulingGroup
Volume Name:s +VolumeSource
Container Name:s Image:s Command:[]s Args:[]s WorkingDir:s Ports:[]ContainerPort EnvFrom:[]EnvFromSource
  Env:[]EnvVar Resources:ResourceRequirements ResizePolicy:[]ContainerResizePolicy RestartPolicy:*s
  RestartPolicyRules:[]ContainerRestartRule VolumeMounts:[]VolumeMount VolumeDevices:[]VolumeDevice
  LivenessProbe:*Probe ReadinessProbe:*Probe StartupProbe:*Probe Lifecycle:*Lifecycle TerminationMessagePath:s
  TerminationMessagePolicy:s ImagePullPolicy:s SecurityContext:*SecurityContext Stdin:b StdinOnce:b TTY=tty:b
EphemeralContainer +EphemeralContainerCommon TargetContainerName:s
PodSecurityContext HostNetwork=^hostNetwork:b HostPID=^hostPID:b HostIPC=^hostIPC:b
  ShareProcessNamespace=^shareProcessNamespace:*b HostUsers=^hostUsers:*b
  SELinuxOptions=seLinuxOptions:*SELinuxOptions WindowsOptions:*WindowsSecurityContextOptions RunAsUser:*n
  RunAsGroup:*n RunAsNonRoot:*b SupplementalGroups:[]n SupplementalGroupsPolicy:*s FSGroup=fsGroup:*n
  FSGroupChangePolicy=fsGroupChangePolicy:*s Sysctls:[]Sysctl SeccompProfile:*SeccompProfile
  AppArmorProfile:*AppArmorProfile SELinuxChangePolicy=seLinuxChangePolicy:*s
LocalObjectReference Name:s
Affinity NodeAffinity:*NodeAffinity PodAffinity:*PodAffinity PodAntiAffinity:*PodAntiAffinity
Toleration Key:s Operator:s Value:s Effect:s TolerationSeconds:*n
HostAlias IP=ip:s Hostnames:[]s
PodDNSConfig Nameservers:[]s Searches:[]s Options:[]PodDNSConfigOption
PodReadinessGate ConditionType:s
TopologySpreadConstraint MaxSkew:n TopologyKey:s WhenUnsatisfiable:s LabelSelector:*L MinDomains:*n
  NodeAffinityPolicy:*s NodeTaintsPolicy:*s MatchLabelKeys:[]s
PodOS Name:s
PodSchedulingGate Name:s
PodResourceClaim Name:s ResourceClaimName:*s ResourceClaimTemplateName:*s
ResourceRequirements Limits:{}q Requests:{}q Claims:[]ResourceClaim
PodSchedulingGroup PodGroupName:*s
VolumeSource HostPath:*HostPathVolumeSource EmptyDir:*EmptyDirVolumeSource
  GCEPersistentDisk=gcePersistentDisk:*GCEPersistentDiskVolumeSource
  AWSElasticBlockStore=awsElasticBlockStore:*AWSElasticBlockStoreVolumeSource GitRepo:*GitRepoVolumeSource
  Secret:*SecretVolumeSource NFS=nfs:*NFSVolumeSource ISCSI=iscsi:*ISCSIVolumeSource Glusterfs:*GlusterfsVolumeSource
  PersistentVolumeClaim:*PersistentVolumeClaimVolumeSource RBD=rbd:*RBDVolumeSource Quobyte:*QuobyteVolumeSource
  FlexVolume:*FlexVolumeSource Cinder:*CinderVolumeSource CephFS=cephfs:*CephFSVolumeSource
  Flocker:*FlockerVolumeSource DownwardAPI:*DownwardAPIVolumeSource FC=fc:*FCVolumeSource
  AzureFile:*AzureFileVolumeSource ConfigMap:*ConfigMapVolumeSource VsphereVolume:*VsphereVirtualDiskVolumeSource
  AzureDisk:*AzureDiskVolumeSource PhotonPersistentDisk:*PhotonPersistentDiskVolumeSource
  Projected:*ProjectedVolumeSource PortworxVolume:*PortworxVolumeSource ScaleIO:*ScaleIOVolumeSource
  StorageOS=storageos:*StorageOSVolumeSource CSI=csi:*CSIVolumeSource Ephemeral:*EphemeralVolumeSource
  Image:*ImageVolumeSource
ContainerPort Name:s HostPort:n ContainerPort:n Protocol:s HostIP:s
EnvFromSource Prefix:s ConfigMapRef:*ConfigMapEnvSource SecretRef:*SecretEnvSource
EnvVar Name:s Value:s ValueFrom:*EnvVarSource
ContainerResizePolicy ResourceName:s RestartPolicy:s
ContainerRestartRule Action:s ExitCodes:*ContainerRestartRuleOnExitCodes
VolumeMount Name:s ReadOnly:b RecursiveReadOnly:*s MountPath:s SubPath:s MountPropagation:*s SubPathExpr:s
VolumeDevice Name:s DevicePath:s
Probe +ProbeHandler InitialDelaySeconds:n TimeoutSeconds:n PeriodSeconds:n SuccessThreshold:n FailureThreshold:n
  TerminationGracePeriodSeconds:*n
Lifecycle PostStart:*LifecycleHandler PreStop:*LifecycleHandler StopSignal:*s
SecurityContext Capabilities:*Capabilities Privileged:*b SELinuxOptions=seLinuxOptions:*SELinuxOptions
  WindowsOptions:*WindowsSecurityContextOptions RunAsUser:*n RunAsGroup:*n RunAsNonRoot:*b ReadOnlyRootFilesystem:*b
  AllowPrivilegeEscalation:*b ProcMount:*s SeccompProfile:*SeccompProfile AppArmorProfile:*AppArmorProfile
EphemeralContainerCommon Name:s Image:s Command:[]s Args:[]s WorkingDir:s Ports:[]ContainerPort
  EnvFrom:[]EnvFromSource Env:[]EnvVar Resources:ResourceRequirements ResizePolicy:[]ContainerResizePolicy
  RestartPolicy:*s RestartPolicyRules:[]ContainerRestartRule VolumeMounts:[]VolumeMount VolumeDevices:[]VolumeDevice
  LivenessProbe:*Probe ReadinessProbe:*Probe StartupProbe:*Probe Lifecycle:*Lifecycle TerminationMessagePath:s
  TerminationMessagePolicy:s ImagePullPolicy:s SecurityContext:*SecurityContext Stdin:b StdinOnce:b TTY=tty:b
SELinuxOptions User:s Role:s Type:s Level:s
WindowsSecurityContextOptions GMSACredentialSpecName=gmsaCredentialSpecName:*s
  GMSACredentialSpec=gmsaCredentialSpec:*s RunAsUserName:*s HostProcess:*b
Sysctl Name:s Value:s
SeccompProfile Type:s LocalhostProfile:*s
AppArmorProfile Type:s LocalhostProfile:*s
NodeAffinity RequiredDuringSchedulingIgnoredDuringExecution:*NodeSelector
  PreferredDuringSchedulingIgnoredDuringExecution:[]PreferredSchedulingTerm
PodAffinity RequiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
  PreferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
PodAntiAffinity RequiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
  PreferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
PodDNSConfigOption Name:s Value:*s
ResourceClaim Name:s Request:s
HostPathVolumeSource Path:s Type:*s
EmptyDirVolumeSource Medium:s SizeLimit:*q
GCEPersistentDiskVolumeSource PDName=pdName:s FSType=fsType:s Partition:n ReadOnly:b
AWSElasticBlockStoreVolumeSource VolumeID:s FSType=fsType:s Partition:n ReadOnly:b
GitRepoVolumeSource Repository:s Revision:s Directory:s
SecretVolumeSource SecretName:s Items:[]KeyToPath DefaultMode:*n Optional:*b
NFSVolumeSource Server:s Path:s ReadOnly:b
ISCSIVolumeSource TargetPortal:s IQN=iqn:s Lun:n ISCSIInterface=iscsiInterface:s FSType=fsType:s ReadOnly:b
  Portals:[]s DiscoveryCHAPAuth=chapAuthDiscovery:b SessionCHAPAuth=chapAuthSession:b SecretRef:*LocalObjectReference
  InitiatorName:*s
GlusterfsVolumeSource EndpointsName=endpoints:s Path:s ReadOnly:b
PersistentVolumeClaimVolumeSource ClaimName:s ReadOnly:b
RBDVolumeSource CephMonitors=monitors:[]s RBDImage=image:s FSType=fsType:s RBDPool=pool:s RadosUser=user:s Keyring:s
  SecretRef:*LocalObjectReference ReadOnly:b
QuobyteVolumeSource Registry:s Volume:s ReadOnly:b User:s Group:s Tenant:s
FlexVolumeSource Driver:s FSType=fsType:s SecretRef:*LocalObjectReference ReadOnly:b Options:{}s
CinderVolumeSource VolumeID:s FSType=fsType:s ReadOnly:b SecretRef:*LocalObjectReference
CephFSVolumeSource Monitors:[]s Path:s User:s SecretFile:s SecretRef:*LocalObjectReference ReadOnly:b
FlockerVolumeSource DatasetName:s DatasetUUID:s
DownwardAPIVolumeSource Items:[]DownwardAPIVolumeFile DefaultMode:*n
FCVolumeSource TargetWWNs:[]s Lun:*n FSType=fsType:s ReadOnly:b WWIDs=wwids:[]s
AzureFileVolumeSource SecretName:s ShareName:s ReadOnly:b
ConfigMapVolumeSource +LocalObjectReference Items:[]KeyToPath DefaultMode:*n Optional:*b
VsphereVirtualDiskVolumeSource VolumePath:s FSType=fsType:s StoragePolicyName:s StoragePolicyID:s
AzureDiskVolumeSource DiskName:s DataDiskURI=diskURI:s CachingMode:*s FSType=fsType:*s ReadOnly:*b Kind:*s
PhotonPersistentDiskVolumeSource PdID:s FSType=fsType:s
ProjectedVolumeSource Sources:[]VolumeProjection DefaultMode:*n
PortworxVolumeSource VolumeID:s FSType=fsType:s ReadOnly:b
ScaleIOVolumeSource Gateway:s System:s SecretRef:*LocalObjectReference SSLEnabled=sslEnabled:b ProtectionDomain:s
  StoragePool:s StorageMode:s VolumeName:s FSType=fsType:s ReadOnly:b
StorageOSVolumeSource VolumeName:s VolumeNamespace:s FSType=fsType:s ReadOnly:b SecretRef:*LocalObjectReference
CSIVolumeSource Driver:s ReadOnly:*b FSType=fsType:*s VolumeAttributes:{}s
  NodePublishSecretRef:*LocalObjectReference
EphemeralVolumeSource VolumeClaimTemplate:*PersistentVolumeClaimTemplate
ImageVolumeSource Reference:s PullPolicy:s
ConfigMapEnvSource +LocalObjectReference Optional:*b
SecretEnvSource +LocalObjectReference Optional:*b
EnvVarSource FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector
  ConfigMapKeyRef:*ConfigMapKeySelector SecretKeyRef:*SecretKeySelector FileKeyRef:*FileKeySelector
ContainerRestartRuleOnExitCodes Operator:s Values:[]n
ProbeHandler Exec:*ExecAction HTTPGet=httpGet:*HTTPGetAction TCPSocket=tcpSocket:*TCPSocketAction
  GRPC=grpc:*GRPCAction
LifecycleHandler Exec:*ExecAction HTTPGet=httpGet:*HTTPGetAction TCPSocket=tcpSocket:*TCPSocketAction
  Sleep:*SleepAction
Capabilities Add:[]s Drop:[]s
NodeSelector NodeSelectorTerms:[]NodeSelectorTerm
PreferredSchedulingTerm Weight:n Preference:NodeSelectorTerm
PodAffinityTerm LabelSelector:*L Namespaces:[]s TopologyKey:s NamespaceSelector:*L MatchLabelKeys:[]s
  MismatchLabelKeys:[]s
WeightedPodAffinityTerm Weight:n PodAffinityTerm:PodAffinityTerm
KeyToPath Key:s Path:s Mode:*n
DownwardAPIVolumeFile Path:s FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector Mode:*n
VolumeProjection Secret:*SecretProjection DownwardAPI:*DownwardAPIProjection ConfigMap:*ConfigMapProjection
  ServiceAccountToken:*ServiceAccountTokenProjection ClusterTrustBundle:*ClusterTrustBundleProjection
  PodCertificate:*PodCertificateProjection
PersistentVolumeClaimTemplate +M Spec:PersistentVolumeClaimSpec
ObjectFieldSelector APIVersion=apiVersion:s FieldPath:s
ResourceFieldSelector ContainerName:s Resource:s Divisor:q
ConfigMapKeySelector +LocalObjectReference Key:s Optional:*b
SecretKeySelector +LocalObjectReference Key:s Optional:*b
FileKeySelector VolumeName:s Path:s Key:s Optional:*b
ExecAction Command:[]s
HTTPGetAction Path:s Port:i Host:s Scheme:s HTTPHeaders=httpHeaders:[]HTTPHeader
TCPSocketAction Port:i Host:s
GRPCAction Port:n Service:*s
SleepAction Seconds:n
NodeSelectorTerm MatchExpressions:[]NodeSelectorRequirement MatchFields:[]NodeSelectorRequirement
SecretProjection +LocalObjectReference Items:[]KeyToPath Optional:*b
DownwardAPIProjection Items:[]DownwardAPIVolumeFile
ConfigMapProjection +LocalObjectReference Items:[]KeyToPath Optional:*b
ServiceAccountTokenProjection Audience:s ExpirationSeconds:n Path:s
ClusterTrustBundleProjection Name:*s SignerName:*s LabelSelector:*L Optional:*b Path:s
PodCertificateProjection SignerName:s KeyType:s MaxExpirationSeconds:*n CredentialBundlePath:s KeyPath:s
  CertificateChainPath:s UserAnnotations:{}s
PersistentVolumeClaimSpec AccessModes:[]s Selector:*L Resources:VolumeResourceRequirements VolumeName:s
  StorageClassName:*s VolumeMode:*s DataSource:*TypedLocalObjectReference DataSourceRef:*TypedObjectReference
  VolumeAttributesClassName:*s
HTTPHeader Name:s Value:s
NodeSelectorRequirement Key:s Operator:s Values:[]s
VolumeResourceRequirements Limits:{}q Requests:{}q
TypedLocalObjectReference APIGroup=apiGroup:*s Kind:s Name:s
TypedObjectReference APIGroup=apiGroup:*s Kind:s Name:s Namespace:*s
PodFailurePolicy Rules:[]PodFailurePolicyRule
PodFailurePolicyRule Action:s OnExitCodes:*OnExitCodes OnPodConditions:[]OnPodCondition
OnExitCodes ContainerName:*s Operator:s Values:[]n
OnPodCondition Type:s Status:s
SuccessPolicy Rules:[]SuccessPolicyRule
SuccessPolicyRule SucceededIndexes:*s SucceededCount:*n
"""

_ZEROS: Mapping[str, Any] = {"s": "", "n": 0, "b": False, "q": "0", "i": 0, "t": None, "L": None}
_META = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str  # "" for an embedded type
    key: str
    kind: str


def _read(text: str) -> dict[str, tuple[_Field, ...]]:
    whole = text.replace("\n  ", " ")
    found: dict[str, tuple[_Field, ...]] = {}
    for line in whole.strip().splitlines():
        name, *fields = line.split()
        found[name] = tuple(map(_read_field, fields))
    return found


def _read_field(text: str) -> _Field:
    if text.startswith("+"):
        return _Field("", "", text[1:])
    title, _, kind = text.partition(":")
    name, given, key = title.partition("=")
    return _Field(name, key if given else name[0].lower() + name[1:], kind)


_FIELDS = _read(_TYPES)


def shown(kind: str, value: Any) -> Any:
    """A value of one of the types above."""
    return _shown(value, kind, {})


def shown_template(template: Object) -> Struct:
    """A Pod template."""
    meta = list(_meta_fields(template.get("metadata") or {}))
    return Struct([*meta, ("Spec", shown_spec(template.get("spec") or {}))])


def shown_spec(spec: Object) -> Struct:
    """The spec of a Pod."""
    return _struct({**spec, "securityContext": spec.get("securityContext") or {}}, "PodSpec", {})


def spec_difference(old: Object, new: Object) -> str:
    """The lines in which two specs differ, in unified form without file names."""
    before, after = (_lines(shown_spec(spec)) for spec in (old, new))
    return "".join(list(difflib.unified_diff(before, after, n=3))[2:])


def _lines(shown: Struct) -> list[str]:
    return [f"{line}\n" for line in _pretty(shown, "")]


def _pretty(value: Any, indent: str) -> list[str]:
    """JSON with one blank of indentation, as a list of lines."""
    deeper = indent + " "
    pairs: Sequence[tuple[str, Any]]
    if isinstance(value, Struct):
        pairs = [(f"{go_text.json_text(name)}: ", each) for name, each in value.fields]
        opening, closing = "{", "}"
    elif isinstance(value, Mapping):
        pairs = [(f"{go_text.json_text(key)}: ", value[key]) for key in sorted(value)]
        opening, closing = "{", "}"
    elif isinstance(value, list | tuple):
        pairs = [("", each) for each in value]
        opening, closing = "[", "]"
    else:
        return [go_text.json_text(value)]
    if not pairs:
        return [opening + closing]
    lines = [opening]
    for position, (head, each) in enumerate(pairs):
        inner = _pretty(each, deeper)
        comma = "" if position == len(pairs) - 1 else ","
        lines += [f"{deeper}{head}{inner[0]}", *inner[1:]]
        lines[-1] += comma
    lines.append(indent + closing)
    return lines


def _struct(value: Object, kind: str, around: Object) -> Struct:
    return Struct(list(_fields(value, kind, around)))


def _fields(value: Object, kind: str, around: Object) -> Iterator[tuple[str, Any]]:
    for field in _FIELDS[kind]:
        if field.kind == "M" and not field.name:
            yield from _meta_fields(value.get("metadata") or {})
        elif not field.name:
            yield from _fields(value, field.kind, around)
        elif field.key.startswith("^"):
            yield field.name, _shown(around.get(field.key[1:]), field.kind, value)
        else:
            yield field.name, _shown(value.get(field.key), field.kind, value)


def _shown(value: Any, kind: str, around: Object) -> Any:
    pointer = kind.startswith("*")
    kind = kind.removeprefix("*")
    if value is None:
        if pointer or kind[:2] in ("[]", "{}"):
            return None
        return _ZEROS[kind] if kind in _ZEROS else _struct({}, kind, around)
    if kind.startswith("[]"):
        return [_shown(each, kind[2:], around) for each in value]
    if kind.startswith("{}"):
        return {key: _shown(each, kind[2:], around) for key, each in value.items()}
    if kind == "L":
        return _selector(value)
    return value if kind in _ZEROS or not isinstance(value, Mapping) else _struct(value, kind, around)


def _selector(selector: Object) -> Struct:
    fields: list[tuple[str, Any]] = []
    if selector.get("matchLabels"):
        fields.append(("matchLabels", dict(selector["matchLabels"])))
    if selector.get("matchExpressions"):
        order = ("key", "operator", "values")
        fields.append(("matchExpressions", [Struct.of(each, order) for each in selector["matchExpressions"]]))
    return Struct(fields)


def _meta_fields(meta: Object) -> Iterator[tuple[str, Any]]:
    for key in _META:
        value = meta.get(key)
        if key == "ownerReferences" and value:
            order = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
            value = [Struct.of(each, order) for each in value]
        if value or (key == "deletionGracePeriodSeconds" and value is not None):
            yield key, value
