//! May this person do this to that: the one place where it is decided.
//!
//! | action | over | who |
//! |---|---|---|
//! | list projects, read the catalogue, submit, list jobs | a project | its members |
//! | view (state, watch, result) | a job | the members of its project |
//! | cancel | a job | its submitter, while a member of its project |
//!
//! A job is visible to every member of its project and not to its submitter alone, because the
//! audience of a release is the project: the checkpoint judges each release together with all that
//! the project was told before, as if every member had read it. Hiding jobs from one another would
//! protect nobody, and would keep members from seeing an answer that their project has already.
//!
//! Roles of a token grant nothing here: what checkers, committee and operators may do comes with
//! the parts that they use.

use std::fmt;

use sekisho_authn::Principal;
use sekisho_model::{JobName, People, Project, ProjectId};

use crate::projects::Projects;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// Take a job back.
    Cancel,
    /// See which jobs a project has.
    ListJobs,
    /// See that a project exists, and its title.
    ListProjects,
    /// See the tables and columns that a project may read.
    ReadCatalog,
    /// Send an analysis in.
    Submit,
    /// See a job: its state, its changes and what was released.
    View,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 6] =
        [Self::Cancel, Self::ListJobs, Self::ListProjects, Self::ReadCatalog, Self::Submit, Self::View];

    /// The action's name in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::ListJobs => "list-jobs",
            Self::ListProjects => "list-projects",
            Self::ReadCatalog => "read-catalog",
            Self::Submit => "submit",
            Self::View => "view",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What somebody wants to do it to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resource {
    /// A job.
    Job {
        /// Its name.
        name: JobName,
        /// The subject of the person who submitted it, as stored with the job.
        submitter: String,
    },
    /// A project.
    Project(ProjectId),
}

impl Resource {
    fn project(&self) -> &ProjectId {
        match self {
            Self::Job { name, .. } => &name.project,
            Self::Project(id) => id,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job { name, .. } => write!(f, "{name}"),
            Self::Project(id) => write!(f, "projects/{id}"),
        }
    }
}

/// Why an action was granted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// The person is a member by this rule of `people`, counted from 1 in the project's file.
    Member(usize),
    /// The same, and the job is the person's own.
    Submitter(usize),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(people) => write!(f, "member by people rule {people}"),
            Self::Submitter(people) => write!(f, "submitter, member by people rule {people}"),
        }
    }
}

/// The proof that this person may do this: the next stage takes it by value.
///
/// Only this crate can make one:
///
/// ```compile_fail,E0451
/// # fn forge(project: sekisho_model::Project) {
/// let forged = sekisho_authz::Permit {
///     project,
///     person: unimplemented!(),
///     action: sekisho_authz::Action::Submit,
///     rule: sekisho_authz::Rule::Member(1),
/// };
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permit {
    project: Project,
    person: Person,
    action: Action,
    rule: Rule,
}

/// The facts about a person that rules look at.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Person {
    subject: String,
    organisation: Option<String>,
}

impl Person {
    fn of(principal: &Principal) -> Self {
        let organisation = principal.organisation().map(str::to_owned);
        Self { subject: principal.subject().to_owned(), organisation }
    }
}

impl Permit {
    /// The project, as it was when the permit was given.
    #[must_use]
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The person: the subject of their token.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.person.subject
    }

    /// The organisation that the person works for.
    #[must_use]
    pub fn organisation(&self) -> Option<&str> {
        self.person.organisation.as_deref()
    }

    /// What the person may do.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// Why.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }
}

/// No. Whether the thing exists is not said.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no such project or job, or not for you")]
pub struct Denied;

/// Why something was denied: for the log of the server alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reason {
    /// Nobody may: there is no such action on such a thing.
    Mismatch,
    /// The project has no rule that the person matches.
    NotAMember,
    /// The job is another member's.
    NotTheSubmitter,
    /// There is no such project.
    UnknownProject,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Mismatch => "no such action on such a thing",
            Self::NotAMember => "not a member",
            Self::NotTheSubmitter => "not the submitter",
            Self::UnknownProject => "unknown project",
        }
    }
}

impl Projects {
    /// Whether a person may do something, and the proof if so. Each answer is logged.
    ///
    /// # Errors
    ///
    /// [`Denied`], which is the same for what is not there and for what is not theirs.
    pub fn permit(
        &self,
        principal: &Principal,
        action: Action,
        resource: Resource,
    ) -> Result<Permit, Denied> {
        self.logged(&Person::of(principal), action, &resource)
    }

    /// Whether a job that was accepted may still be run. It was accepted with a [`Permit`]; who that
    /// was for is in its durable record, and is judged again by the project as it is now.
    ///
    /// # Errors
    ///
    /// [`Denied`], as of [`Self::permit`].
    pub fn permit_accepted(
        &self,
        project: &ProjectId,
        submitter: &str,
        organisation: Option<&str>,
    ) -> Result<Permit, Denied> {
        let person = Person { subject: submitter.to_owned(), organisation: organisation.map(str::to_owned) };
        self.logged(&person, Action::Submit, &Resource::Project(project.clone()))
    }

    fn logged(&self, person: &Person, action: Action, resource: &Resource) -> Result<Permit, Denied> {
        let subject = person.subject.as_str();
        match self.decide(person, action, resource) {
            Ok(permit) => {
                tracing::info!(subject, %action, %resource, rule = %permit.rule, "granted");
                Ok(permit)
            }
            Err(reason) => {
                tracing::warn!(subject, %action, %resource, reason = reason.as_str(), "denied");
                Err(Denied)
            }
        }
    }

    /// The projects that a person may see, by name, decided for each as [`Self::permit`] does.
    #[must_use]
    pub fn visible(&self, principal: &Principal) -> Vec<Permit> {
        let person = Person::of(principal);
        let decide = |project: &Project| {
            self.decide(&person, Action::ListProjects, &Resource::Project(project.id.clone())).ok()
        };
        let permits: Vec<Permit> = self.iter().filter_map(decide).collect();
        let projects: Vec<&str> = permits.iter().map(|permit| permit.project.id.as_str()).collect();
        tracing::info!(subject = principal.subject(), action = %Action::ListProjects, ?projects, "granted");
        permits
    }

    fn decide(&self, person: &Person, action: Action, resource: &Resource) -> Result<Permit, Reason> {
        let project = self.get(resource.project()).ok_or(Reason::UnknownProject)?;
        let people = member_by(project, person).ok_or(Reason::NotAMember)?;
        let rule = match (action, resource) {
            (
                Action::ListJobs | Action::ListProjects | Action::ReadCatalog | Action::Submit,
                Resource::Project(_),
            )
            | (Action::View, Resource::Job { .. }) => Rule::Member(people),
            (Action::Cancel, Resource::Job { submitter, .. }) => {
                if *submitter == person.subject {
                    Rule::Submitter(people)
                } else {
                    return Err(Reason::NotTheSubmitter);
                }
            }
            (Action::Cancel | Action::View, Resource::Project(_))
            | (
                Action::ListJobs | Action::ListProjects | Action::ReadCatalog | Action::Submit,
                Resource::Job { .. },
            ) => return Err(Reason::Mismatch),
        };
        Ok(Permit { project: project.clone(), person: person.clone(), action, rule })
    }
}

/// The first rule of a project's `people` that a person matches, from 1.
fn member_by(project: &Project, person: &Person) -> Option<usize> {
    let matches = |rule: &People| {
        // A rule that names nothing would match everybody: it matches nobody.
        let names_somebody = rule.subject.is_some() || rule.organisation.is_some();
        let subject = rule.subject.as_ref().is_none_or(|subject| *subject == person.subject);
        let organisation = rule.organisation.is_none() || rule.organisation == person.organisation;
        names_somebody && subject && organisation
    };
    project.people.iter().position(matches).map(|index| index.saturating_add(1))
}
