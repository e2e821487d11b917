.PHONY: browser
browser: setup ## Get a browser for the tests of the page, unless this machine has one
	@command -v chromium chromium-browser google-chrome || $(BIN)/playwright install --with-deps chromium
