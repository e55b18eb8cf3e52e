//! Everything that Slack is shown, and who judges it: snapshots, the fake Slack's limits, other people's models, a second
//! language, and the eye.

mod german;
mod hostile;
mod judges;
mod offboarding;
mod pages;
mod pictures;
mod routed;
mod samples;
mod snapshots;
