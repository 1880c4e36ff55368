//! `sekisho login` and `sekisho logout`: who the user is, for every later command.

use sekisho_client::render::escaped;
use sekisho_client::{AsClient, Prompt, Result};

use crate::args::{Connection, LoginArgs};
use crate::output::Output;

/// Signs in, and says so. Standard output stays empty: nothing of a login is a result.
pub(crate) async fn login(connection: &Connection, args: &LoginArgs, out: &mut Output) -> Result<u8> {
    let profile = connection.profile()?;
    let account = profile.account()?;
    let client = AsClient { id: args.client_id.clone(), secret_file: args.client_secret_file.clone() };
    if args.client_credentials {
        account.sign_in_as_client(&client).await?;
    } else {
        account.sign_in(&client, |prompt| out.note(&told(prompt)), tokio::time::sleep).await?;
    }
    out.note(&format!("signed in at {}\n", escaped(&account.login.issuer)));
    Ok(0)
}

/// Signs out, and says so.
pub(crate) async fn logout(connection: &Connection, out: &mut Output) -> Result<u8> {
    let profile = connection.profile()?;
    let account = profile.account()?;
    let was = account.sign_out().await?;
    out.note(if was { "signed out\n" } else { "nobody was signed in\n" });
    Ok(0)
}

/// What a person is to do; the issuer's words never reach a terminal unescaped.
fn told(prompt: &Prompt) -> String {
    let minutes = prompt.valid_for.as_secs().div_ceil(60);
    let mut text = format!("open {} in a browser", escaped(&prompt.address));
    text.push_str(&format!(" and type in the code {} (it works for {minutes} min)\n", escaped(&prompt.code)));
    if let Some(address) = &prompt.address_with_code {
        text.push_str(&format!("or open {}\n", escaped(address)));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_person_is_told_where_to_go_and_nothing_reaches_the_terminal() {
        let mut prompt = Prompt {
            address: "https://id.example/device".to_owned(),
            address_with_code: None,
            code: "WDJB-MJHT".to_owned(),
            valid_for: Duration::from_secs(599),
        };
        let expected = "open https://id.example/device in a browser and type in the code WDJB-MJHT (it works for 10 min)\n";
        assert_eq!(told(&prompt), expected);
        prompt.address_with_code = Some("https://id.example/\u{1b}]0;x\u{7}".to_owned());
        prompt.code = "A\nB\u{1b}[2J".to_owned();
        let text = told(&prompt);
        assert_eq!(text.lines().count(), 2, "{text:?}");
        assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    }
}
