//! What the caller may read: projects, and the tables of one.

use sekisho_wire::v1::{Budget, Catalog, GetBudgetRequest, GetCatalogRequest, ListProjectsRequest, Project};

use crate::jobs::project_name;
use crate::{Client, Result};

impl Client {
    /// The projects that the caller belongs to.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn projects(&self) -> Result<Vec<Project>> {
        let service = self.catalog.clone();
        let answer = self
            .retried(ListProjectsRequest {}, async |request| service.clone().list_projects(request).await)
            .await?;
        Ok(answer.into_inner().projects)
    }

    /// The tables and rules of a project.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn catalog(&self, project: &str) -> Result<Catalog> {
        let service = self.catalog.clone();
        let request = GetCatalogRequest { parent: project_name(project)? };
        let answer =
            self.retried(request, async |request| service.clone().get_catalog(request).await).await?;
        Ok(answer.into_inner())
    }

    /// What a project was given of each attribute, and how much there is.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn budget(&self, project: &str) -> Result<Budget> {
        let service = self.catalog.clone();
        let request = GetBudgetRequest { parent: project_name(project)? };
        let answer = self.retried(request, async |request| service.clone().get_budget(request).await).await?;
        Ok(answer.into_inner())
    }
}
