//! The file in which `node-annotation` keeps what it remembers of a network (spec cni-ipam §6.4): the annotation, so
//! that a burst of calls asks once; and every directory its addresses may be in, so that they can be released when
//! the annotation and the API server are gone.

use super::Reading;
use crate::json::{Json, Object};

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnotationRecord {
    /// Key of the annotation.
    pub annotation: String,
    /// Its value.
    pub text: String,
    /// Of which node, and when.
    pub reading: Reading,
    /// Data directories, the last one used first. None is ever dropped: addresses may be in it.
    pub data_dirs: Vec<String>,
}

impl AnnotationRecord {
    /// Name of the file of a network.
    #[must_use]
    pub fn file_name(network: &str) -> String {
        format!("node-annotation.{network}.json")
    }

    /// Reads the file; `None` when it is no such file. What is missing in it is empty.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let file: Json = serde_json::from_slice(text).ok()?;
        let file = file.as_object()?;
        let text = |key| {
            file.get(key)
                .and_then(Json::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let seconds = |key| match file.get(key) {
            Some(Json::Number(seconds)) => seconds.as_u64().unwrap_or(0),
            _ => 0,
        };
        let data_dirs = file.get("dataDirs").and_then(Json::as_list).unwrap_or_default();
        Some(Self {
            annotation: text("annotation"),
            text: text("text"),
            reading: Reading {
                node: text("node"),
                uid: text("uid"),
                machine: text("machineId"),
                boot: text("boot"),
                time: seconds("time"),
                tried: seconds("tried"),
            },
            data_dirs: data_dirs
                .iter()
                .filter_map(Json::as_str)
                .map(str::to_owned)
                .collect(),
        })
    }

    /// The text of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let reading = &self.reading;
        let dirs = self.data_dirs.iter().map(|dir| Json::from(dir.as_str()));
        let file = Object::from_iter([
            ("annotation", Json::from(self.annotation.as_str())),
            ("text", Json::from(self.text.as_str())),
            ("node", Json::from(reading.node.as_str())),
            ("uid", Json::from(reading.uid.as_str())),
            ("machineId", Json::from(reading.machine.as_str())),
            ("boot", Json::from(reading.boot.as_str())),
            ("time", Json::Number(reading.time.into())),
            ("tried", Json::Number(reading.tried.into())),
            ("dataDirs", Json::List(dirs.collect())),
        ]);
        serde_json::to_vec(&file).expect("a tree of JSON values with text keys is always JSON")
    }

    /// Whether addresses may be in this directory.
    #[must_use]
    pub fn knows(&self, directory: &str) -> bool {
        self.data_dirs.iter().any(|known| known == directory)
    }

    /// Puts a directory first.
    pub fn add_directory(&mut self, directory: &str) {
        self.data_dirs.retain(|known| known != directory);
        self.data_dirs.insert(0, directory.to_owned());
    }

    /// Takes over the directories that only `other` knows.
    pub fn add_directories_of(&mut self, other: &Self) {
        for directory in &other.data_dirs {
            if !self.knows(directory) {
                self.data_dirs.push(directory.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AnnotationRecord, Reading};

    #[test]
    fn what_is_written_reads_back_the_same() {
        let record = AnnotationRecord {
            annotation: "a/b".to_owned(),
            text: "ranges: \"x\"".to_owned(),
            reading: Reading {
                node: "n1".to_owned(),
                uid: "u".to_owned(),
                machine: "m".to_owned(),
                boot: "b".to_owned(),
                time: 5,
                tried: 7,
            },
            data_dirs: vec!["/a".to_owned(), "/b".to_owned()],
        };
        assert_eq!(AnnotationRecord::parse(&record.to_bytes()), Some(record));
    }

    #[test]
    fn keys_match_in_any_case_and_what_is_unusable_is_skipped() {
        let record = AnnotationRecord::parse(br#"{"DATADIRS":["/a",1,null],"time":"x","Node":"n"}"#).unwrap();
        assert_eq!(
            (record.data_dirs.as_slice(), record.reading.time),
            (["/a".to_owned()].as_slice(), 0)
        );
        assert_eq!(record.reading.node, "n");
        for text in ["", "[]", "{\"text\":"] {
            assert_eq!(AnnotationRecord::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_directory_used_last_is_first_and_none_is_lost() {
        let mut record = AnnotationRecord::default();
        for directory in ["/a", "/b", "/a"] {
            record.add_directory(directory);
        }
        assert_eq!(record.data_dirs, ["/a", "/b"]);
        let mut other = AnnotationRecord::default();
        for number in 0..100 {
            other.add_directory(&format!("/{number}"));
        }
        other.add_directory("/b");
        record.add_directories_of(&other);
        assert_eq!(record.data_dirs.len(), 102);
        assert_eq!(record.data_dirs[..2], ["/a", "/b"]);
    }
}
