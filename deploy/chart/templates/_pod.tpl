{{/* The pod, the same in both workloads. */}}
{{- define "ccm.pod" -}}
{{- $annotations := default dict .Values.podAnnotations }}
{{- if include "ccm.makesSecret" . }}
{{- /* Another configuration starts another pod. */}}
{{- $annotations = merge (dict "checksum/config" (toJson .Values.config | sha256sum)) $annotations }}
{{- end -}}
metadata:
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  labels:
    {{- include "ccm.selectorLabels" . | nindent 4 }}
spec:
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  serviceAccountName: {{ include "ccm.serviceAccountName" . }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  enableServiceLinks: false
  {{- if .Values.useDaemonSet }}
  # Before Nodes are initialised there may be no pod network.
  hostNetwork: true
  {{- end }}
  {{- if .Values.dnsPolicy }}
  dnsPolicy: {{ .Values.dnsPolicy }}
  {{- else if .Values.useDaemonSet }}
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  {{- with .Values.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .Chart.Name }}
      image: {{ include "ccm.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [/cadastre, cloud]
      args:
        - --v={{ .Values.logVerbosityLevel }}
        - --cloud-provider=proxmox
        - --cloud-config=/etc/proxmox/config.yaml
        - --controllers={{ join "," .Values.enabledControllers }}
        - --leader-elect-resource-name=cloud-controller-manager-proxmox
        - --use-service-account-credentials
        - --secure-port=10258
        - --authorization-always-allow-paths=/healthz,/livez,/readyz,/metrics
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        - name: SERVICE_ACCOUNT
          valueFrom:
            fieldRef:
              fieldPath: spec.serviceAccountName
        {{- with .Values.extraEnvs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: metrics
          containerPort: 10258
          protocol: TCP
      livenessProbe:
        httpGet:
          path: /healthz
          port: metrics
          scheme: HTTPS
        initialDelaySeconds: 20
        periodSeconds: 30
        timeoutSeconds: 5
      readinessProbe:
        httpGet:
          path: /readyz
          port: metrics
          scheme: HTTPS
        periodSeconds: 10
        timeoutSeconds: 5
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: cloud-config
          mountPath: /etc/proxmox
          readOnly: true
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  tolerations:
    {{- with .Values.tolerations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- if .Values.useDaemonSet }}
    - key: node.kubernetes.io/not-ready
      operator: Exists
    {{- end }}
  {{- if .Values.affinity }}
  affinity:
    {{- toYaml .Values.affinity | nindent 4 }}
  {{- else if not .Values.useDaemonSet }}
  affinity:
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 1
          podAffinityTerm:
            topologyKey: topology.kubernetes.io/zone
            labelSelector:
              matchLabels:
                {{- include "ccm.selectorLabels" . | nindent 16 }}
  {{- end }}
  {{- if not .Values.useDaemonSet }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: DoNotSchedule
      labelSelector:
        matchLabels:
          {{- include "ccm.selectorLabels" . | nindent 10 }}
  {{- end }}
  volumes:
    - name: cloud-config
      secret:
        secretName: {{ include "ccm.configSecret" . }}
        # 0640, in decimal as YAML 1.1 and 1.2 agree on.
        defaultMode: 416
        {{- if and .Values.existingConfigSecret (ne .Values.existingConfigSecretKey "config.yaml") }}
        items:
          - key: {{ .Values.existingConfigSecretKey }}
            path: config.yaml
        {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
