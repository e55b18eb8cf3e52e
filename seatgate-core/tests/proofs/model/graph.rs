//! Whether any history can go on for ever. Stateright's `eventually` overlooks histories that end in a cycle, and those that
//! join others; so this walks the whole graph once more and finds cycles, if there are any.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use stateright::Model;

use super::state::State;
use super::world::World;

/// What the walk found.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) states: usize,
    /// The steps of the longest history; nothing, if one goes on for ever.
    pub(crate) longest: Option<usize>,
}

enum Mark {
    /// On the path that is being walked.
    Open,
    /// Walked, with the longest way from it to an end.
    Closed(usize),
}

/// Walks every path, depth first.
pub(crate) fn walk(world: &World) -> Walk {
    let mut marks: HashMap<u64, Mark> = HashMap::new();
    let mut longest = 0;
    for state in world.init_states() {
        let mut path = vec![enter(world, &state, &mut marks)];
        while let Some((print, ways, length)) = path.last_mut() {
            let Some(next) = ways.pop() else {
                let (print, length) = (*print, *length);
                marks.insert(print, Mark::Closed(length));
                path.pop();
                match path.last_mut() {
                    Some((_, _, above)) => *above = (*above).max(length + 1),
                    None => longest = longest.max(length),
                }
                continue;
            };
            match marks.get(&fingerprint(&next)) {
                Some(Mark::Open) => return Walk { states: marks.len(), longest: None },
                Some(Mark::Closed(below)) => *length = (*length).max(below + 1),
                None => path.push(enter(world, &next, &mut marks)),
            }
        }
    }
    Walk { states: marks.len(), longest: Some(longest) }
}

fn enter(world: &World, state: &State, marks: &mut HashMap<u64, Mark>) -> (u64, Vec<State>, usize) {
    let print = fingerprint(state);
    marks.insert(print, Mark::Open);
    (print, world.next_states(state), 0)
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
