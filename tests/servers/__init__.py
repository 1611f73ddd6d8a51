"""Real servers on loopback, as fixtures: Dovecot, Postfix, Courier, and an OAuth issuer.

What the mail servers need is installed by `install.sh`; the issuer comes with the dependency group `test`.

A test asks for `servers` (a factory; all that it started is ended with the test) and takes an `Account` from it::

    @pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
    @pytest.mark.parametrize("security", Security)
    def test_one_copy(servers: Servers, layout: SentLayout, security: Security) -> None:
        dovecot = servers.dovecot(layout)                        # IMAP and submission, relaying to `dovecot.sink`
        account = account_on(dovecot, dovecot, security)         # submission there, mailboxes there
        ...                                                      # account.smtp, .imap, .user, .password, .ca_file
        assert len(account.copies(layout.mailbox)) == 1          # read by imaplib
        assert len(account.received(1)) == 1                     # what left the submission server; waits for it

The servers, each a context manager that a script can use too (`with Dovecot(authority) as dovecot:`):

- `servers.dovecot(layout, quota="10K", files_itself=3.0)`: `layout` is one of `LAYOUTS` or a `SentLayout` of your own;
  a small `quota` makes APPEND answer OVERQUOTA; `files_itself` makes the submission side file a copy in Sent by itself,
  at once (0: before it says 250) or so many seconds after. `dovecot.filing.settle()` waits for a late one.
- `servers.postfix(dovecot, refused=["bob@..."], message_size_limit=..., files_itself=...)`: submission; people sign
  in with what `dovecot` knows; a sender that is not the user's own is refused with 553 5.7.1. It relays to
  `postfix.sink` some milliseconds after its 250, so read with `account.received(1)`.
- `servers.courier()`: IMAP only; namespace `INBOX.`, UTF8=ACCEPT offered, no special-use, no Sent until one is created.
  Join it with a submission server: `account_on(dovecot_or_postfix, courier, security)`.

And for tokens, `oauth_server`, one for the whole run, with `dovecot_oauth`, a Dovecot that takes its tokens besides
passwords (`servers.dovecot(issuer=oauth_server)` is the same with the other arguments)::

    def test_sign_in(dovecot_oauth: Dovecot, oauth_server: OAuthServer) -> None:
        client = oauth_server.client                             # or .brief_client, whose first token lives 2 s
        url = ...                                                # at its authorization endpoint
        callback_url = oauth_server.consent(url)                 # a person signs in and agrees; or .deny(url)
        oauth_server.revoke()                                    # that person takes everything back
        oauth_server.asked(grant_type="refresh_token")           # what the issuer was asked, and its HTTP statuses

They listen on 127.0.0.2, so a `Mailer` needs `NetworkPolicy(networks=("127.0.0.0/8",), ports=...)`. Nothing is ever
contacted beyond loopback.

All have `address`, `password`, `ca_file`, `ports` and `endpoint(service, security)`; those with IMAP have `folders()`,
`copies(mailbox)` and `mailboxes` (more of the same). A server that does not start raises `NotStarted` with its log:
such a test fails, it is not skipped. The servers change users when they start, so this needs root.
"""
