//! Who is asked about a seat.

use crate::id::PersonRef;
use crate::request::Why;

/// Who is asked, in order, each once, with the reason that they will read.
///
/// The manager, unless nobody names one: then the policy's fallback approvers, and without them the operators. A manager
/// who holds the seat may give it up, but keeping it needs somebody else: so the others are asked beside them. The
/// holder is asked only as a manager. May be empty: then the request waits with whoever is or becomes an operator, and its
/// deadline starts at once.
#[must_use]
pub fn approvers_of(
    manager: Option<PersonRef>,
    holder: Option<PersonRef>,
    fallbacks: &[PersonRef],
    operators: &[PersonRef],
) -> Vec<(PersonRef, Why)> {
    let mut asked: Vec<(PersonRef, Why)> = manager.map(|manager| (manager, Why::Manager)).into_iter().collect();
    if manager.is_some() && manager != holder {
        return asked;
    }
    let others = [(fallbacks, Why::Fallback), (operators, Why::Operator)];
    let others = others.into_iter().map(|(people, why)| {
        let fits = |person: &PersonRef| Some(*person) != holder;
        people.iter().copied().filter(fits).map(|person| (person, why)).collect::<Vec<_>>()
    });
    asked.extend(others.into_iter().find(|people| !people.is_empty()).unwrap_or_default());
    let mut seen = std::collections::BTreeSet::new();
    asked.retain(|(person, _)| seen.insert(*person));
    asked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::SeededEntropy;
    use crate::time::Timestamp;

    #[test]
    fn somebody_else_is_asked_when_the_manager_cannot_decide_alone() {
        let entropy = SeededEntropy::new(1);
        let [manager, holder, lead, operator] =
            std::array::from_fn(|_| PersonRef::generate(Timestamp::from_micros(0), &entropy));
        let ask = |m, h, f: &[PersonRef], o: &[PersonRef]| approvers_of(m, h, f, o);
        assert_eq!(ask(Some(manager), Some(holder), &[lead], &[operator]), [(manager, Why::Manager)]);
        assert_eq!(ask(None, Some(holder), &[lead, lead], &[operator]), [(lead, Why::Fallback)]);
        assert_eq!(ask(None, Some(holder), &[holder], &[operator]), [(operator, Why::Operator)]);
        assert_eq!(ask(None, None, &[], &[]), []);
        let own = ask(Some(holder), Some(holder), &[holder, lead], &[operator]);
        assert_eq!(own, [(holder, Why::Manager), (lead, Why::Fallback)]);
    }
}
