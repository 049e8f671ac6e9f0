"""Service 6: the wallet of e-licences, and showing one to somebody who checks it."""
