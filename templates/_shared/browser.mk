.PHONY: browser
browser: setup ## Install a browser for the page tests, unless this machine has one
	@command -v chromium chromium-browser google-chrome || $(BIN)/playwright install --with-deps chromium
