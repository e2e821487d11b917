.PHONY: exercise
exercise: setup ## Check an exercise of the README: make exercise N=1
	@test -n "$(N)" || { echo "error: which one? make exercise N=1" >&2; exit 2; }
	$(BIN)/pytest exercises/test_$(N)_*.py

