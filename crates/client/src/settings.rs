//! How long the client waits and how often it tries again.

use std::time::Duration;

/// The limits of a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Longest wait for TCP and TLS to come up.
    pub connect_timeout: Duration,
    /// Longest wait for one answer. Streams have none: a dead peer is found by the keepalive.
    pub call_timeout: Duration,
    /// Pause between keepalive pings.
    pub keepalive_interval: Duration,
    /// Longest wait for the answer to a ping.
    pub keepalive_timeout: Duration,
    /// How often one call is made in all while the server cannot be reached. For a stream: how often
    /// in succession without anything new.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles each time.
    pub first_pause: Duration,
    /// Longest pause between two attempts.
    pub longest_pause: Duration,
    /// Largest message that is taken from the server, in bytes.
    pub message_bytes: usize,
    /// Largest result that is taken from the server, in bytes.
    pub result_bytes: usize,
}

impl Settings {
    /// What [`crate::Client::connect`] uses.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(60),
            keepalive_interval: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(20),
            attempts: 6,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(2),
            message_bytes: 64 << 20,
            result_bytes: 1 << 30,
        }
    }

    /// How long to pause after this many failed attempts.
    pub(crate) fn pause(&self, failed: u32) -> Duration {
        let factor = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_pause.saturating_mul(factor).min(self.longest_pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let settings = Settings::standard();
        let pauses: Vec<_> = (1..=7).map(|failed| settings.pause(failed).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(settings.pause(40), settings.longest_pause);
    }
}
