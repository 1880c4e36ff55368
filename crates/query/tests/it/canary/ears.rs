//! Hears everything that is logged, by this project (`tracing`) and by the engine (`log`), at every level.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ears;

/// What was heard since the last time.
static HEARD: Mutex<String> = Mutex::new(String::new());

/// Listens from now on; logs of other tests in this process are heard too.
pub(super) fn listen() -> Ears {
    tracing::subscriber::set_global_default(Ears).unwrap();
    log::set_logger(&Ears).unwrap();
    Ears
}

impl Ears {
    /// Whether the engine is heard at every level, or as a server would hear it.
    pub(super) fn open(self, widely: bool) {
        log::set_max_level(if widely { log::LevelFilter::Trace } else { log::LevelFilter::Info });
    }

    pub(super) fn take(self) -> String {
        std::mem::take(&mut *HEARD.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(self, what: impl Debug) {
        // Not under the lock: what formats itself may log.
        let text = format!("{what:?}\n");
        HEARD.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
    }
}

impl log::Log for Ears {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.hear((record.target(), record.level(), record.args()));
    }

    fn flush(&self) {}
}

struct Fields;

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        Ears.hear((field.name(), value));
    }
}

impl Subscriber for Ears {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Fields);
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        values.record(&mut Fields);
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}
