//! Name resolution under the guard.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::Reach;

/// A name has addresses, and none that may be called.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address that may be called")]
pub(super) struct NoPermittedAddress;

/// Resolves by the system and hands on the permitted addresses only: they are the ones that are connected to.
pub(super) struct GuardedResolver {
    reach: Reach,
}

impl GuardedResolver {
    pub(super) fn new(reach: Reach) -> Self {
        Self { reach }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let resolved = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted: Vec<SocketAddr> = resolved.filter(|address| reach.permits(address.ip())).collect();
            if permitted.is_empty() {
                return Err(NoPermittedAddress.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(reach: Reach, name: &str) -> Result<usize, bool> {
        let resolved = GuardedResolver::new(reach).resolve(name.parse().unwrap()).await;
        resolved.map(Iterator::count).map_err(|error| error.is::<NoPermittedAddress>())
    }

    #[tokio::test]
    async fn a_name_of_loopback_has_no_address_unless_listed() {
        assert_eq!(resolve(Reach::Public, "localhost").await, Err(true));
        assert!(resolve(Reach::Listed, "localhost").await.unwrap() > 0);
    }

    #[tokio::test]
    async fn an_address_that_nobody_lives_at_is_dropped_even_when_listed() {
        assert_eq!(resolve(Reach::Listed, "169.254.169.254").await, Err(true));
    }
}
