//! The two text formats.

/// A text format of metrics. The set is closed: nothing else is written here.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Format {
    /// Prometheus text 0.0.4, which everything reads.
    #[default]
    PrometheusText,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// Both formats.
    pub const ALL: [Self; 2] = [Self::PrometheusText, Self::OpenMetrics];

    /// Returns the value of the `Content-Type` header. Prometheus 3 refuses an answer without it.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::PrometheusText => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}
