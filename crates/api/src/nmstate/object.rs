//! The common shape of the four kinds: metadata, spec, status.

/// Declares a cluster-scoped kind with a spec and a status.
///
/// Written out rather than derived: metadata is read without managed fields, a missing or null spec reads as an empty
/// one, and apiVersion and kind are constants instead of two strings in every object held in memory.
macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $kind:path, $version:literal, $spec:ty, $status:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// Standard metadata, without managed fields.
            #[serde(deserialize_with = "crate::meta::slim")]
            pub metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
            /// What is asked for.
            #[serde(default, deserialize_with = "crate::nmstate::wire::absent")]
            pub spec: $spec,
            /// What is answered.
            #[serde(default)]
            pub status: Option<$status>,
        }

        impl $name {
            /// An object of this name that asks for `spec` and has no status yet.
            #[must_use]
            pub fn new(name: &str, spec: $spec) -> Self {
                let metadata = k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                    name: Some(name.to_owned()),
                    ..Default::default()
                };
                Self { metadata, spec, status: None }
            }

            /// The object's name; empty only before it was sent to a server.
            #[must_use]
            pub fn name(&self) -> &str {
                self.metadata.name.as_deref().unwrap_or_default()
            }

            /// `metadata.generation`; 0 before it was sent to a server.
            #[must_use]
            pub fn generation(&self) -> i64 {
                self.metadata.generation.unwrap_or_default()
            }

            /// The value of an annotation, if the object carries it.
            #[must_use]
            pub fn annotation(&self, name: &str) -> Option<&str> {
                self.metadata.annotations.as_ref().and_then(|a| a.get(name)).map(String::as_str)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct as _;
                let mut object = serializer.serialize_struct(stringify!($name), 5)?;
                object.serialize_field("apiVersion", concat!("nmstate.io/", $version))?;
                object.serialize_field("kind", $kind.kind())?;
                object.serialize_field("metadata", &self.metadata)?;
                if self.spec != <$spec>::default() {
                    object.serialize_field("spec", &self.spec)?;
                }
                if self.status.is_some() {
                    object.serialize_field("status", &self.status)?;
                }
                object.end()
            }
        }

        impl kube::Resource for $name {
            type DynamicType = ();
            type Scope = kube::core::ClusterResourceScope;

            fn kind((): &()) -> std::borrow::Cow<'_, str> {
                $kind.kind().into()
            }

            fn group((): &()) -> std::borrow::Cow<'_, str> {
                crate::nmstate::GROUP.into()
            }

            fn version((): &()) -> std::borrow::Cow<'_, str> {
                $version.into()
            }

            fn plural((): &()) -> std::borrow::Cow<'_, str> {
                $kind.plural().into()
            }

            fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

pub(super) use kind;
