//! Everything that Slack is shown, and who judges it: snapshots, the fake Slack's limits, other people's models, a second
//! language, and the eye.

mod judges;

mod samples;
mod snapshots;
