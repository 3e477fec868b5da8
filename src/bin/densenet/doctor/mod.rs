//! `densenet doctor`: everything about this machine that bears on us.
//!
//! | file | what it holds |
//! |---|---|
//! | `findings` | what was found out about an engine |
//! | `cases` | the networks that every engine is asked |
//! | `times` | how long a network takes, step by step |
//! | `examine` | examining an engine |
//! | `report`, `document` | what was found out, for people and as JSON |
//! | `command` | arguments, and the order of it all |

mod cases;
mod command;
mod document;
mod examine;
mod findings;
mod report;
mod times;

pub(crate) use command::{Arguments, doctor};
