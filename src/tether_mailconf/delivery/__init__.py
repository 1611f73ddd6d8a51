"""Sending, and leaving exactly one copy in the Sent folder.

`prepare` renders (pure), `submit` hands over by SMTP, `sent_folder` chooses the folder (pure), `file` puts the copy
there. `sending` does both for one message, `settle` finishes a copy later, `lanes` keeps connections, and `dispatch`
conducts all of it for one account. `receipt` is what the host gets, `journal` what survives a crash. Nothing here knows
sockets or event loops: everything goes through the port.
"""
