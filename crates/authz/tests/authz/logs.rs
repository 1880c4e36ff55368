//! Whether each decision stands in the log, with its reason.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sekisho_authz::{Action, Projects, Resource};

use crate::people::Door;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn grants_and_denials_are_logged_with_the_reason() {
    let folder = Path::new("../../policies/projects");
    let projects = Projects::load(folder).unwrap();
    let door = Door::new();
    let member = door.sign_in("analyst", Some("org-a"), &[]).await;
    let stranger = door.sign_in("analyst-2", Some("org-b"), &[]).await;

    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let project = |name: &str| Resource::Project(name.parse().unwrap());
        assert!(projects.permit(&member, Action::Submit, project("nafld")).is_ok());
        assert!(projects.permit(&stranger, Action::Submit, project("nafld")).is_err());
        assert!(projects.permit(&stranger, Action::Submit, project("nowhere")).is_err());
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let log: Vec<&str> = text.lines().collect();
    let expected = [
        [
            "granted",
            "subject=\"analyst\"",
            "action=submit",
            "resource=projects/nafld",
            "rule=member by people rule 1",
        ],
        [
            "denied",
            "subject=\"analyst-2\"",
            "action=submit",
            "resource=projects/nafld",
            "reason=\"not a member\"",
        ],
        [
            "denied",
            "subject=\"analyst-2\"",
            "action=submit",
            "resource=projects/nowhere",
            "reason=\"unknown project\"",
        ],
    ];
    assert_eq!(log.len(), expected.len(), "{text}");
    for (line, parts) in log.iter().zip(expected) {
        for part in parts {
            assert!(line.contains(part), "`{part}` is not in: {line}");
        }
    }
}
