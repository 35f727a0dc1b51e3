{{/* Names. Those of `helm create`, so that a release of the replaced chart keeps its own. */}}
{{- define "ccm.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ccm.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ccm.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "ccm.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "ccm.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "ccm.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "ccm.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ccm.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Whether the values name the replaced program's own image, as a full copy of its values file does. */}}
{{- define "ccm.isOriginalImage" -}}
{{- if eq (toString .Values.image.repository) "ghcr.io/sergelogvinov/proxmox-cloud-controller-manager" }}true{{ end }}
{{- end }}

{{/* That image has another program in it, and its tags are not ours: both are replaced. A mirror is taken as it is. */}}
{{- define "ccm.image" -}}
{{- if include "ccm.isOriginalImage" . -}}
registry.cadastre.dev/cadastre:{{ .Chart.AppVersion }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* Whether the tag is not of this chart's version, in our own repository: perhaps one of the replaced program's. */}}
{{- define "ccm.isOtherTag" -}}
{{- $tag := toString (default "" .Values.image.tag) }}
{{- if and (eq (toString .Values.image.repository) "registry.cadastre.dev/cadastre") $tag (ne $tag .Chart.AppVersion) }}true{{ end }}
{{- end }}

{{/* Whether the configuration in the values becomes a Secret. */}}
{{- define "ccm.makesSecret" -}}
{{- if and (not .Values.existingConfigSecret) ((.Values.config).clusters) }}true{{ end }}
{{- end }}

{{/* The Secret with the configuration. */}}
{{- define "ccm.configSecret" -}}
{{- default (include "ccm.fullname" .) .Values.existingConfigSecret }}
{{- end }}

{{/* The value of a flag in `extraArgs`, which may be one item (--a=b) or two; else the default.
     Takes a list: values of extraArgs, flag, default. */}}
{{- define "ccm.flag" -}}
{{- $flag := index . 1 }}
{{- $value := index . 2 }}
{{- $takesNext := false }}
{{- range index . 0 }}
{{- if $takesNext }}
{{- $value = . }}
{{- $takesNext = false }}
{{- else if hasPrefix (printf "%s=" $flag) . }}
{{- $value = trimPrefix (printf "%s=" $flag) . }}
{{- else if eq . $flag }}
{{- $takesNext = true }}
{{- end }}
{{- end }}
{{- $value }}
{{- end }}

{{- define "ccm.leaseName" -}}
{{- include "ccm.flag" (list .Values.extraArgs "--leader-elect-resource-name" "cloud-controller-manager-proxmox") }}
{{- end }}

{{- define "ccm.leaseNamespace" -}}
{{- include "ccm.flag" (list .Values.extraArgs "--leader-elect-resource-namespace" "kube-system") }}
{{- end }}

{{/* The update strategy. Helm merges the default into what the values say, and only RollingUpdate may have its part. */}}
{{- define "ccm.updateStrategy" -}}
{{- if eq (default "RollingUpdate" .Values.updateStrategy.type) "RollingUpdate" }}
{{- toYaml .Values.updateStrategy }}
{{- else }}
{{- toYaml (omit .Values.updateStrategy "rollingUpdate") }}
{{- end }}
{{- end }}
