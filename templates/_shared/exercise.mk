.PHONY: exercise
exercise: setup ## Check an exercise from the README: make exercise N=1
	@test -n "$(N)" || { echo "error: no exercise number given; for example: make exercise N=1" >&2; exit 2; }
	$(BIN)/pytest exercises/test_$(N)_*.py

