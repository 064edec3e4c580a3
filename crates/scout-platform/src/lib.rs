//! The use cases: index, match, judge, assign, record, report.
