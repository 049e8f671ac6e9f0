"""The finance office's books: closed days, balances and statements by dates, files of them."""
