//! The flags of the families beyond the documented ones, which every program has that serves
//! organizations' metrics.

use clap::Args;
use scout_metrics::SeriesBudget;

/// What is served beyond the documented families.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ExtendedArguments {
    /// Serve more families than Docker documents: exposures, fixable and known exploited
    /// vulnerabilities, images, sources, repositories; docs/metrics.md describes them
    #[arg(long)]
    extended_metrics: bool,

    /// How many series these families may have, all together, of each organization; the worst
    /// repositories are told by name and the others summed up [default: 10000]
    #[arg(long, value_name = "N", requires = "extended_metrics")]
    series_budget: Option<SeriesBudget>,
}

impl ExtendedArguments {
    /// Returns the budget of series if more than the documented families is to be served.
    #[must_use]
    pub fn budget(self) -> Option<SeriesBudget> {
        self.extended_metrics
            .then(|| self.series_budget.unwrap_or_default())
    }

    /// Returns the flag that was given, if it was: for a program that does not always serve.
    #[must_use]
    pub fn given(self) -> Option<&'static str> {
        self.extended_metrics.then_some("--extended-metrics")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        extended: ExtendedArguments,
    }

    #[test]
    fn a_budget_needs_something_to_spend_it_on() {
        for (line, expected) in [
            (&["x"][..], Some(None)),
            (&["x", "--extended-metrics"], Some(Some(10_000))),
            (
                &["x", "--extended-metrics", "--series-budget", "500"],
                Some(Some(500)),
            ),
            (&["x", "--series-budget", "500"], None),
            (&["x", "--extended-metrics", "--series-budget", "5"], None),
        ] {
            let read = Program::try_parse_from(line).ok();
            let budget = read.map(|read| read.extended.budget().map(SeriesBudget::as_series));
            assert_eq!(budget, expected, "{line:?}");
        }
        let default = SeriesBudget::DEFAULT.to_string();
        let help = <Program as clap::CommandFactory>::command()
            .render_long_help()
            .to_string();
        assert!(help.contains(&format!("[default: {default}]")), "{help}");
    }
}
