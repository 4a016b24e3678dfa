//! Types whose service has one call each to make, to change and to delete a thing: told in tables, nothing written out.
//!
//! What takes more than that has a file of its own.

use serde_json::{Map, Value, json};

use super::finders::Finder;
use super::reading::Reading;
use super::{Answer, Failure, Property, Provider, Update, Work, gone, seen, tags, text};
use crate::drift::{Rules, differences};
use crate::records::Physical;

/// One type.
pub(super) struct Plain {
    pub(super) kind: &'static str,
    pub(super) service: &'static str,
    pub(super) properties: &'static [Property],
    /// The property that names the thing, and the longest generated name.
    pub(super) name: Option<(&'static str, usize)>,
    /// The calls.
    pub(super) create: &'static str,
    pub(super) update: Option<&'static str>,
    pub(super) delete: &'static str,
    /// What a property is, as JSON, where a template does not say it: sent where it was said before. A call that leaves
    /// alone what it is not told needs one for each such property.
    pub(super) defaults: &'static [(&'static str, &'static str)],
    /// True where its creation would overwrite what is there: then [`Plain::read`] looks first, and refuses.
    pub(super) overwrites: bool,
    /// Properties whose member in the calls has another name.
    pub(super) members: &'static [(&'static str, &'static str)],
    /// What `Ref` gives.
    pub(super) id: Id,
    /// What `Fn::GetAtt` gives: where the answer to the creation has it.
    pub(super) attributes: &'static [(&'static str, &'static str)],
    /// How what an interrupted try made is found, where its planned name does not tell.
    pub(super) find: Option<Finder>,
    /// The members that say which thing is changed or deleted.
    pub(super) keys: Keys,
    /// How to see what a thing is.
    pub(super) read: Option<Read>,
    /// How its `Tags` are changed and seen, where they are.
    pub(super) tagging: Option<Tagging>,
}

/// The calls about tags.
pub(super) struct Tagging {
    pub(super) tag: &'static str,
    pub(super) untag: &'static str,
    pub(super) list: &'static str,
    /// The member that names the thing, and the attribute that does, or else its id.
    pub(super) resource: &'static str,
    pub(super) attribute: Option<&'static str>,
    /// The members of tags and of their keys.
    pub(super) tags: &'static str,
    pub(super) keys: &'static str,
    /// True where tags are a map in the calls.
    pub(super) is_map: bool,
}

impl Tagging {
    fn named(&self, of: &Physical) -> Value {
        let attribute = self.attribute.and_then(|name| of.attributes.get(name));
        attribute.cloned().unwrap_or_else(|| of.id.clone().into())
    }

    fn given(&self, tags: Option<&Value>) -> Value {
        if self.is_map { Value::Object(tags::to_map(tags)) } else { tags.cloned().unwrap_or_default() }
    }

    pub(super) async fn change(&self, service: &str, work: &Work, old: &Physical) -> Result<(), Failure> {
        let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
        if !removed.is_empty() {
            let of = json!({ self.resource: self.named(old) });
            tags::take_off(work, (service, self.untag), &of, self.keys, removed).await?;
        }
        if !set.is_empty() {
            let set = if self.is_map { Value::Object(set) } else { tags::to_list(set) };
            let input = json!({ self.resource: self.named(old), self.tags: set });
            work.call(service, self.tag, input).await?;
        }
        Ok(())
    }

    pub(super) async fn shown(&self, service: &str, work: &Work, of: &Physical) -> Result<Value, Failure> {
        let shown = work.call(service, self.list, json!({ self.resource: self.named(of) })).await?;
        let shown = shown.get(self.tags);
        Ok(if self.is_map { tags::own_of_map(shown) } else { tags::own(shown) })
    }
}

/// The call that shows a thing.
pub(super) struct Read {
    pub(super) operation: &'static str,
    /// Where its answer has the thing.
    pub(super) place: &'static str,
    /// Properties whose value is found elsewhere in the thing than under their name in the calls.
    pub(super) places: &'static [(&'static str, &'static str)],
    /// Properties that say which thing it is, or that never change.
    pub(super) given: &'static [&'static str],
    /// How it is compared.
    pub(super) rules: &'static Rules,
    /// What has to be put in a template's words after that.
    pub(super) adapt: fn(&Work, &mut Map<String, Value>),
    /// The members that say which thing is shown, where they are not those of changes.
    pub(super) keys: Option<Keys>,
}

/// The members that say which thing is meant.
pub(super) type Keys = &'static [(&'static str, Part)];

/// Nothing has to be.
pub(super) fn as_it_is(_: &Work, _: &mut Map<String, Value>) {}

/// Where a thing's id comes from.
#[derive(Clone, Copy)]
pub(super) enum Id {
    /// It is the planned name.
    Planned,
    /// The answer to its creation has it.
    Answer(&'static str),
}

/// Where a part of a thing's name comes from.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Id,
    /// The part of the id between two colons, from the first on.
    OfArn(usize),
    Property(&'static str),
}

impl Plain {
    fn member(&self, property: &str) -> String {
        let renamed = self.members.iter().find(|(name, _)| *name == property);
        renamed.map_or(property, |(_, member)| member).to_owned()
    }

    /// The properties as members of a call.
    fn input(&self, work: &Work, only: impl Fn(&Property) -> bool) -> Map<String, Value> {
        let wanted = self.properties.iter().filter(|property| only(property));
        let given = wanted.filter_map(|property| Some((property.name, work.get(property.name)?.clone())));
        let given = given.map(|(name, value)| match &self.tagging {
            Some(tagging) if name == "Tags" => (tagging.tags.to_owned(), tagging.given(Some(&value))),
            _ => (self.member(name), value),
        });
        given.collect()
    }

    /// The defaults of what the thing was told, and is not told any more.
    fn restored(&self, work: &Work, old: &Physical) -> Map<String, Value> {
        let was = |name: &str| old.properties.get(name).is_some_and(|value| !value.is_null());
        let gone = self.defaults.iter().filter(|(name, _)| was(name) && work.get(name).is_none());
        gone.filter_map(|(name, json)| Some((self.member(name), serde_json::from_str(json).ok()?))).collect()
    }

    /// The members that say which thing is meant, in the order in which its type names them.
    fn names(&self, of: &Physical, between: &str) -> String {
        let names = self.keys(self.keys, of);
        let names: Vec<String> = names.values().map(|value| text(Some(value))).collect();
        names.join(between)
    }

    /// What is there where the thing would be made, in a template's words.
    async fn there(&self, work: &Work) -> Result<Option<(Physical, Map<String, Value>)>, Failure> {
        let made = work.made(&work.planned, Value::Null);
        Ok(self.read(work, &made).await?.map(|now| (made, now)))
    }

    /// True for tags that have calls of their own once the thing is there.
    fn is_apart(&self, property: &Property) -> bool {
        self.tagging.is_some() && property.name == "Tags"
    }

    fn keys(&self, keys: Keys, of: &Physical) -> Map<String, Value> {
        let part = |part: Part| match part {
            Part::Id => of.id.clone(),
            Part::OfArn(at) => of.id.split(':').nth(at).unwrap_or_default().to_owned(),
            Part::Property(name) => text(of.properties.get(name)),
        };
        let keys = keys.iter().map(|(member, from)| ((*member).to_owned(), part(*from)));
        keys.filter(|(_, value)| !value.is_empty()).map(|(member, value)| (member, value.into())).collect()
    }
}

impl Provider for Plain {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some((self.service, self.create))
    }

    fn properties(&self) -> &'static [Property] {
        self.properties
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        self.name
    }

    fn owns_planned(&self) -> bool {
        // Where the service gives the id, the planned one says nothing of what was made.
        self.name.is_some() && matches!(self.id, Id::Planned)
    }

    fn of_receipt(&self, planned: &Physical, id: String) -> Option<Physical> {
        // Only of what the properties name: an earlier try may have been about something else.
        let is_meant = !self.overwrites || {
            let names = self.names(planned, ":");
            id == names || id.ends_with(&format!(":{names}"))
        };
        is_meant.then(|| Physical { id, attributes: Map::new(), ..planned.clone() })
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        self.find.map_or_else(|| Box::pin(async { Ok(None) }) as Answer<'a, _>, |find| find(work))
    }

    fn take_over<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let made = work.made(&work.planned, Value::Null);
            // SECURITY: somebody else's may stand there and say the very same.
            let is_ours = |id| self.of_receipt(&made, id).is_some();
            if !self.overwrites || !work.receipts()?.into_iter().any(is_ours) {
                return Ok(None);
            }
            // What says something else by now is taken away, and made anew.
            let same = |now: &Map<String, Value>| {
                let rules = self.read.as_ref().map_or(&Rules::PLAIN, |read| read.rules);
                differences(&work.properties, now, rules).is_empty()
            };
            Ok(self.there(work).await?.filter(|(_, now)| same(now)).map(|(made, _)| made))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        self.read.as_ref().map(|read| read.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let Some(read) = &self.read else { return Ok(None) };
            let shown = seen(
                work.call(
                    self.service,
                    read.operation,
                    Value::Object(self.keys(read.keys.unwrap_or(self.keys), of)),
                )
                .await,
            )?;
            let Some(thing) = shown.and_then(|shown| shown.pointer(read.place).cloned()) else {
                return Ok(None);
            };
            let mut now = work.pick(read.given);
            let apart =
                |property: &&Property| !read.given.contains(&property.name) && !self.is_apart(property);
            for property in self.properties.iter().filter(apart) {
                let elsewhere = read.places.iter().find(|(name, _)| *name == property.name);
                let value = match elsewhere {
                    Some((_, place)) => thing.pointer(place),
                    None => thing.get(self.member(property.name)),
                };
                now.extend(value.map(|value| (property.name.to_owned(), value.clone())));
            }
            if let Some(tagging) = self.tagging.as_ref().filter(|_| work.get("Tags").is_some()) {
                now.insert("Tags".to_owned(), tagging.shown(self.service, work, of).await?);
            }
            (read.adapt)(work, &mut now);
            // A listing by prefix may show another one whose name only begins alike.
            let other =
                self.name.and_then(|(name, _)| now.get(name)).filter(|_| matches!(self.id, Id::Planned));
            Ok(other.is_none_or(|name| text(Some(name)) == of.id).then_some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            if self.overwrites && self.there(work).await?.is_some() {
                let id = self.names(&work.made(&work.planned, Value::Null), "|");
                let kind = self.kind;
                return Err(Failure::exists(format_args!(
                    "Resource of type '{kind}' with identifier '{id}' already exists."
                )));
            }
            let mut input = self.input(work, |_| true);
            if let Some((name, _)) = self.name {
                input.insert(self.member(name), work.planned.clone().into());
            }
            let answer = work.call(self.service, self.create, Value::Object(input)).await?;
            let id = match self.id {
                Id::Planned => work.planned.clone(),
                Id::Answer(place) => text(answer.pointer(place)),
            };
            let attribute =
                |(name, place): &(&str, &str)| Some(((*name).to_owned(), answer.pointer(place)?.clone()));
            Ok(work.made(id, Value::Object(self.attributes.iter().filter_map(attribute).collect())))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let Some(update) = self.update else {
                return Err(Failure::new(format!("{} cannot be changed in place.", self.kind)).untouched());
            };
            let differs = |property: &&Property| old.properties.get(property.name) != work.get(property.name);
            if self.properties.iter().filter(differs).any(|property| !self.is_apart(property)) {
                let wanted =
                    |property: &Property| property.update == Update::InPlace && !self.is_apart(property);
                let mut input = self.input(work, wanted);
                input.extend(self.restored(work, old));
                input.extend(self.keys(self.keys, old));
                work.call(self.service, update, Value::Object(input)).await?;
            }
            if let Some(tagging) = &self.tagging {
                tagging.change(self.service, work, old).await?;
            }
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            gone(work.call(self.service, self.delete, Value::Object(self.keys(self.keys, old))).await)
        })
    }
}
