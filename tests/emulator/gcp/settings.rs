//! What can be chosen when the emulator starts.

pub use super::chassis::cloud::Frame;
pub use super::chassis::times::ActionTimes as OperationTimes;

pub struct Settings {
    /// The token to accept; none accepts any, and requests without one.
    pub token: Option<String>,
    /// The one project that there is; none has any.
    pub project: Option<String>,
    pub operation_times: OperationTimes,
    /// vCPUs that instances of one family may have in a region.
    pub cpu_quota: u64,
    pub frame: Frame,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token: None,
            project: None,
            operation_times: OperationTimes::default(),
            cpu_quota: 10_000,
            frame: Frame { body_port: 22, ..Frame::default() },
        }
    }
}
