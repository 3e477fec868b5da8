//! The tensors of a pickle, with the names that dictionaries and modules give them, for files in memory. What is left out and what is
//! refused is as in the library that reads files; tests compare the two.

use std::collections::{BTreeMap, HashSet};

use super::machine::{Id, Machine, Node};
use super::storage::{Declared, View, key_of, size, sizes};

/// How many objects are visited, and how deep: a pickle may hold one under many names.
const MAX_VISITED: usize = 1 << 20;
const MAX_DEPTH: usize = 100;

/// What every module has.
const TABLES: [&str; 3] = ["_parameters", "_buffers", "_modules"];

/// The tensors under `root`. Their bytes are not looked at.
pub(super) fn of(machine: &Machine, root: Id) -> Result<Vec<View>, String> {
    let mut walk =
        Walk { machine, visited: 0, depth: 0, path: Vec::new(), free: HashSet::new(), views: BTreeMap::new() };
    match machine.node(root) {
        Node::Pairs(_) | Node::Object { .. } => walk.visit(root)?,
        _ => return Err("a dictionary is expected at its root".into()),
    }
    Ok(walk.views.into_values().collect())
}

struct Walk<'m, 'a> {
    machine: &'m Machine<'a>,
    visited: usize,
    /// Of this object in others: an object may hold itself.
    depth: usize,
    path: Vec<String>,
    /// Objects without tensors.
    free: HashSet<Id>,
    views: BTreeMap<String, View>,
}

impl Walk<'_, '_> {
    fn visit(&mut self, id: Id) -> Result<(), String> {
        self.visited += 1;
        if self.visited > MAX_VISITED || self.depth > MAX_DEPTH {
            return Err("its objects are nested too deep, or too often the same".into());
        }
        self.depth += 1;
        let result = self.look(id);
        self.depth -= 1;
        result
    }

    fn look(&mut self, id: Id) -> Result<(), String> {
        let machine = self.machine;
        match machine.node(id) {
            Node::Pairs(pairs) => self.visit_all(pairs),
            Node::Items(items) => items.iter().enumerate().try_for_each(|(at, &item)| self.under(at.to_string(), item)),
            Node::Object { class, arguments, state, pairs } => {
                let Node::Class(module, name) = *machine.node(*class) else { return self.without(id, "an object") };
                match state.map(|state| machine.node(state)) {
                    Some(Node::Pairs(attributes)) if self.is_module(attributes) => self.module(attributes),
                    state => {
                        // A dictionary of a class may have more of its pairs in its state.
                        let more = if let Some(Node::Pairs(more)) = state { more.as_slice() } else { &[] };
                        self.call(module, name, *arguments, &[pairs, more].concat())
                    }
                }
            }
            _ => Ok(()),
        }
    }

    fn visit_all(&mut self, pairs: &[(Id, Id)]) -> Result<(), String> {
        for &(key, value) in pairs {
            if let Some(key) = key_of(self.machine, key) {
                self.under(key, value)?;
            }
        }
        Ok(())
    }

    fn under(&mut self, key: String, value: Id) -> Result<(), String> {
        self.path.push(key);
        let result = self.visit(value);
        self.path.pop();
        result
    }

    fn table(&self, attributes: &[(Id, Id)], name: &str) -> Option<&[(Id, Id)]> {
        match self.machine.node(self.machine.get(attributes, name)?) {
            Node::Pairs(pairs) | Node::Object { pairs, .. } => Some(pairs),
            _ => None,
        }
    }

    fn is_module(&self, attributes: &[(Id, Id)]) -> bool {
        TABLES.iter().all(|name| self.table(attributes, name).is_some())
    }

    /// Parameters, buffers that are saved, and modules inside.
    fn module(&mut self, attributes: &[(Id, Id)]) -> Result<(), String> {
        let machine = self.machine;
        let forgotten = machine.get(attributes, "_non_persistent_buffers_set").map(|set| machine.node(set));
        let forgotten: Vec<String> = match forgotten {
            Some(Node::Items(names)) => names.iter().filter_map(|&name| key_of(machine, name)).collect(),
            // `set([..])`
            Some(Node::Object { arguments, .. }) => match machine.node(*arguments) {
                Node::Items(lists) => lists.iter().flat_map(|&list| keys_in(machine, list)).collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        for name in TABLES {
            let pairs = self.table(attributes, name).unwrap_or_default().to_vec();
            let is_kept =
                |key: Id| name != "_buffers" || key_of(machine, key).is_none_or(|key| !forgotten.contains(&key));
            let kept: Vec<(Id, Id)> = pairs.into_iter().filter(|&(key, _)| is_kept(key)).collect();
            self.visit_all(&kept)?;
        }
        Ok(())
    }

    fn call(&mut self, module: &str, name: &str, arguments: Id, pairs: &[(Id, Id)]) -> Result<(), String> {
        let machine = self.machine;
        let given = if let Node::Items(items) = machine.node(arguments) { items.as_slice() } else { &[] };
        let item = |at: usize| given.get(at).copied().ok_or_else(|| format!("{name} with too few arguments"));
        match (module, name) {
            ("collections", "OrderedDict") => {
                let listed = given.first().map(|&list| machine.node(list));
                let listed = if let Some(Node::Items(items)) = listed { items.as_slice() } else { &[] };
                for &pair in listed {
                    if let Node::Items(pair) = machine.node(pair)
                        && let [key, value] = pair[..]
                    {
                        self.visit_all(&[(key, value)])?;
                    }
                }
                self.visit_all(pairs)
            }
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3") => {
                let own = match (name, given.get(6).map(|&id| machine.node(id))) {
                    ("_rebuild_tensor_v3", Some(Node::Class(_, kind))) => Some(*kind),
                    ("_rebuild_tensor_v3", _) => return Err(format!("{name} without a type")),
                    _ => None,
                };
                let storage = Declared::read(machine, item(0)?)?;
                let layout = [sizes(machine, item(2)?)?, sizes(machine, item(3)?)?];
                let view = View::new(self.path.join("."), storage, own, size(machine, item(1)?)?, layout)?;
                self.views.insert(view.name().to_string(), view);
                Ok(())
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                let data = item(0)?;
                given[1..].iter().try_for_each(|&other| self.without(other, name))?;
                self.visit(data)
            }
            ("torch._tensor", "_rebuild_from_type_v2") => {
                given.get(3).map_or(Ok(()), |&state| self.without(state, name))?;
                match (machine.node(item(0)?), item(2)?) {
                    // Not itself again: that would be a call without an end.
                    (Node::Class("torch._utils", name), arguments) => self.call("torch._utils", name, arguments, &[]),
                    (_, arguments) => self.without(arguments, name),
                }
            }
            _ => {
                self.without(arguments, name)?;
                pairs.iter().try_for_each(|&(key, value)| self.without(key, name).and(self.without(value, name)))
            }
        }
    }

    /// What is not known is left out, but not with tensors in it.
    fn without(&mut self, id: Id, name: &str) -> Result<(), String> {
        let mut waiting = vec![id];
        while let Some(id) = waiting.pop() {
            if !self.free.insert(id) {
                continue;
            }
            match self.machine.node(id) {
                Node::Storage(_) => return Err(format!("it holds tensors in a form that is not read: {name}")),
                Node::Items(items) => waiting.extend(items),
                Node::Pairs(pairs) => waiting.extend(pairs.iter().flat_map(|&(key, value)| [key, value])),
                Node::Object { arguments, state, pairs, .. } => {
                    waiting.push(*arguments);
                    waiting.extend(state);
                    waiting.extend(pairs.iter().flat_map(|&(key, value)| [key, value]));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The keys in a list.
fn keys_in(machine: &Machine, list: Id) -> Vec<String> {
    match machine.node(list) {
        Node::Items(items) => items.iter().filter_map(|&item| key_of(machine, item)).collect(),
        _ => Vec::new(),
    }
}
