//! Offboardings, from the asking to the end.

mod plans;
mod scene;
mod starts;
mod told;
