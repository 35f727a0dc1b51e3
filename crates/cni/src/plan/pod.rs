/// The pod that a call is about, as runtimes of Kubernetes tell it in `CNI_ARGS`: `namespace/name`. `None` when either is
/// missing, or has white space in it, which no name of Kubernetes has.
#[must_use]
pub fn pod(args: &str) -> Option<String> {
    let value = |key: &str| {
        // Of repeated keys the last one counts, as everywhere in `CNI_ARGS`.
        let mut pairs = args.rsplit(';').filter_map(|pair| pair.split_once('='));
        let last = pairs.find(|(name, _)| *name == key)?.1;
        let is_word = !last.is_empty() && !last.contains(|c: char| c.is_whitespace() || c.is_control());
        is_word.then_some(last)
    };
    Some(format!(
        "{}/{}",
        value("K8S_POD_NAMESPACE")?,
        value("K8S_POD_NAME")?
    ))
}

#[cfg(test)]
mod tests {
    use super::pod;

    #[test]
    fn a_pod_is_its_namespace_and_its_name() {
        let given = "IgnoreUnknown=1;K8S_POD_NAMESPACE=a;K8S_POD_NAME=b;K8S_POD_UID=c";
        assert_eq!(pod(given).as_deref(), Some("a/b"));
        assert_eq!(pod(&format!("{given};K8S_POD_NAME=d")).as_deref(), Some("a/d"));
        for nobody in [
            "",
            "K8S_POD_NAME=b",
            "K8S_POD_NAMESPACE=;K8S_POD_NAME=b",
            "K8S_POD_NAMESPACE=a;K8S_POD_NAME=b\nc",
            "k8s_pod_namespace=a;k8s_pod_name=b",
        ] {
            assert_eq!(pod(nobody), None, "{nobody}");
        }
    }
}
