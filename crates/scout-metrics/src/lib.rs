//! Metric families, and Prometheus and OpenMetrics text out of and into them.
