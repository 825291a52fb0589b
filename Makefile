# go test ./... needs Go alone. The deeper checks install their tools, of the
# versions named here, into .tools; `bash .ci/run` runs all of them.

SHARED   ?= ../shared
FUZZTIME ?= 20000x
GOLANGCI_LINT := v2.15.0
GOVULNCHECK   := v1.9.0
VERSITYGW     := v1.8.0
DUCKDB_CLI    := 1.5.6
NESSIE_RUNNER := 0.99.0
SEAWEEDFS     := v0.0.0-20261109003541-7506e5f91cd6
NESSIE_SHA256 := ce9fa33e2878bf5ea3981876b9e6204cabc0362b3dd82326b10e47271a78c417

TOOLS  := .tools
LINT   := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT)
VULN   := $(TOOLS)/govulncheck-$(GOVULNCHECK)
S3     := $(TOOLS)/versitygw-$(VERSITYGW)
PYTHON := $(TOOLS)/python/bin/python
SLUICE := $(TOOLS)/sluice
TRINO  := $(TOOLS)/trino
DUCKDB := $(TOOLS)/duckdb-$(DUCKDB_CLI)/bin/duckdb
NESSIE := $(TOOLS)/nessie-$(NESSIE_RUNNER)/nessie-quarkus-$(NESSIE_RUNNER)-runner.jar
ICEBERG_REST := $(TOOLS)/iceberg-rest
WEED := $(TOOLS)/weed-$(SEAWEEDFS)
PANDAS := $(TOOLS)/migrate/pandas
# Readers of Iceberg tables: what Python and Java they need.
ICEBERG_PYTHON := $(TOOLS)/iceberg/bin/python
ICEBERG_JARS   := $(TOOLS)/iceberg-jars
BENCH_PYTHON := $(TOOLS)/bench/bin/python
# cfn-lint and the SAM translator; what is deployed gets its version from git.
DEPLOY := $(TOOLS)/deploy/bin/python
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null)

.PHONY: build lambda test check format tidy vet lint race vuln corpora fuzz mutants model cross readers iceberg presets memory load serve-load kills split docs duckdb instructions bench bench-infer bench-tables bench-quick bench-smoke browser deploy-check tools servers clean

build:
	go build -o sluice ./cmd/sluice

test:
	go test ./...

# All that .ci/run does.
check:
	bash .ci/run

format:
	@files=$$(gofmt -l $$(go list -f '{{.Dir}}' ./...)); test -z "$$files" || { echo "not formatted with gofmt: $$files"; exit 1; }

tidy:
	go mod tidy -diff
	go mod verify

vet:
	go vet -tags corpora,dist ./...

lint: $(LINT)
	$(LINT) run ./...

# The servers' own suites ran without it: what they race with is another
# process. So did long tests of what one goroutine does.
ALONE = TestEveryPrefix|TestStride|TestDictionariesLeftAlike|TestDictionary|TestFullDictionary|TestEveryActionCounts|TestMemoryOfPaths
race:
	.ci/noskip go test -race -short -vet=off -skip 'Versitygw|Moto|Nessie|IcebergREST|^($(ALONE))$$' -v ./...

# The database lies beside the repository, so that the check needs no network.
vuln: $(VULN)
	$(VULN) -db file://$$(realpath $(SHARED)/vulndb) ./...

# Tests over files that are no part of the repository: bad input of every
# kind, vendors' documents, other projects' test suites. Mappings are also made of
# 40,000 inputs that come from these files.
corpora:
	.ci/noskip go test -tags corpora -count=1 -v ./internal/corpora
	go test -tags corpora -run '^$$' -fuzz '^FuzzInfer$$' -fuzztime 40000x -fuzzminimizetime 1x ./internal/corpora

# Every fuzz target for FUZZTIME, a count of inputs or a time such as 60s.
fuzz:
	.ci/fuzz $(FUZZTIME)

# Faults put back into the commit protocol: the simulation must notice each.
mutants:
	python3 .ci/mutants.py

# The real commit protocol against the exhaustive model beside the repository.
model:
	SHARED=$(SHARED) python3 .ci/model.py

# The platforms the command is built for, without cgo; deploy-check builds for
# linux on arm64.
cross:
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build -o /dev/null ./cmd/sluice
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build -o /dev/null ./cmd/sluice

# Our files, read by everybody who reads Parquet: .ci/readers/engines. Spark
# needs Java, Trino Java 25 and Maven. More random tables: make readers TABLES=100.
TABLES ?= 8
readers: $(PYTHON) $(TRINO) $(SLUICE)
	SLUICE=$(abspath $(SLUICE)) TRINO=$(abspath $(TRINO)) TABLES=$(TABLES) $(PYTHON) -W ignore .ci/readers

# Our Iceberg tables, read by engines nobody here wrote, also after Spark and Trino
# have rewritten them. Spark and the REST catalog need Java, Trino Java 25.
iceberg: $(ICEBERG_PYTHON) $(ICEBERG_JARS) $(TRINO) $(SLUICE)
	@files=$$(gofmt -l .ci/icebergtables .ci/iceberg/go); test -z "$$files" || { echo "not formatted with gofmt: $$files"; exit 1; }
	go vet ./.ci/icebergtables && go build -o $(TOOLS)/icebergtables ./.ci/icebergtables
	cd .ci/iceberg/go && go vet . && go build -o $(abspath $(TOOLS))/iceberg-go .
	SLUICE=$(abspath $(SLUICE)) ICEBERGTABLES=$(abspath $(TOOLS))/icebergtables ICEBERG_GO=$(abspath $(TOOLS))/iceberg-go ICEBERG_JARS=$(abspath $(ICEBERG_JARS)) TRINO=$(abspath $(TRINO)) $(ICEBERG_PYTHON) -W ignore .ci/iceberg

# The sums of each preset's documents, by one SQL in DuckDB.
presets: $(PYTHON) $(SLUICE)
	SLUICE=$(abspath $(SLUICE)) $(PYTHON) .ci/presets.py

# 1 GiB through a pipe, in constant memory; a mapping of 10^5 paths; a table.
memory: $(SLUICE)
	SLUICE=$(abspath $(SLUICE)) python3 .ci/memory.py array 2
	SLUICE=$(abspath $(SLUICE)) python3 .ci/memory.py ndjson 2
	SLUICE=$(abspath $(SLUICE)) python3 .ci/memory.py wide 2
	SLUICE=$(abspath $(SLUICE)) python3 .ci/memory.py table 2

# Many small objects and a large one through a real S3 server, in bounded
# memory. The full size: make load SMALL=10000 LARGE=2000.
SMALL ?= 1000
LARGE ?= 300
load: $(S3) $(SLUICE)
	go build -o $(TOOLS)/fill ./.ci/fill
	go build -o $(TOOLS)/delay ./.ci/delay
	SLUICE=$(abspath $(SLUICE)) FILL=$(abspath $(TOOLS))/fill DELAY=$(abspath $(TOOLS))/delay SLUICE_VERSITYGW=$(abspath $(S3)) python3 .ci/load.py $(SMALL) $(LARGE)

# What the documents show, also what needs Python, pandas, DuckDB or jq; go test
# runs the rest. pandas lies beside the environment of the other checks, which
# has the rest of the requirements.
docs: $(PYTHON) $(PANDAS) $(DUCKDB)
	SLUICE_DOCS_TOOLS=1 PYTHONPATH=$(abspath $(TOOLS))/migrate PATH=$(abspath $(TOOLS))/python/bin:$(abspath $(dir $(DUCKDB))):$$PATH .ci/noskip go test -count=1 -v ./docs

# Many small files and a large one dropped into sluice serve: what its page asks for
# is answered, in bounded memory; times are printed. The full size: make serve-load SERVED=10000 SERVED_MB=5000.
SERVED    ?= 2000
SERVED_MB ?= 300
serve-load: $(SLUICE)
	SLUICE=$(abspath $(SLUICE)) python3 .ci/serve_load.py $(SERVED) $(SERVED_MB)

# sluice serve, killed a hundred times in the middle of its work; and three workers on
# one table, of a folder and of an S3 server, that commit or stage. More: make kills
# TABLE_KILLS=500 STAGED_KILLS=500.
TABLE_KILLS ?= 50
STAGED_KILLS ?= 12
kills: $(ICEBERG_PYTHON) $(S3) $(SLUICE)
	go test -count=1 -v -run TestServeIsKilled ./cmd/sluice -kills 100
	SLUICE=$(abspath $(SLUICE)) $(ICEBERG_PYTHON) -W ignore .ci/table_kills.py folder direct $(TABLE_KILLS)
	SLUICE=$(abspath $(SLUICE)) $(ICEBERG_PYTHON) -W ignore .ci/table_kills.py folder staged $(STAGED_KILLS)
	SLUICE=$(abspath $(SLUICE)) SLUICE_VERSITYGW=$(abspath $(S3)) $(ICEBERG_PYTHON) -W ignore .ci/table_kills.py s3 direct $(TABLE_KILLS)
	SLUICE=$(abspath $(SLUICE)) SLUICE_VERSITYGW=$(abspath $(S3)) $(ICEBERG_PYTHON) -W ignore .ci/table_kills.py s3 staged $(STAGED_KILLS)

# One large NDJSON object in parts by three processes that are killed, beside one that
# is not. The full size: make split SPLIT_MB=10000.
SPLIT_MB ?= 500
split: $(ICEBERG_PYTHON) $(SLUICE)
	SLUICE=$(abspath $(SLUICE)) $(ICEBERG_PYTHON) -W ignore .ci/split_kills.py $(SPLIT_MB)

# The command with DuckDB in it, a module of its own: it passes the suite that the
# program duckdb passes. Needs libstdc++. After a change of go.mod this one follows
# with go vet -mod=mod ./... there; go mod tidy would load DuckDB for all platforms.
duckdb:
	@files=$$(gofmt -l cmd/sluice-duckdb); test -z "$$files" || { echo "not formatted with gofmt: $$files"; exit 1; }
	cd cmd/sluice-duckdb && go vet ./... && ../../.ci/noskip go test -count=1 -v ./...

# The page of serve in headless Chromium, which comes from Debian's packages if it
# is missing. Pictures of every view are in artefacts/. What is vendored must be what
# .ci/page/build makes.
PAGE := .ci/page/node_modules/.package-lock.json
browser: $(SLUICE) $(DUCKDB) $(S3) $(PAGE)
	command -v chromium >/dev/null && fc-list | grep -q JetBrains || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fontconfig fonts-inter fonts-jetbrains-mono >/dev/null; }
	.ci/page/build $(abspath $(TOOLS))/vendor && diff -r -x README.md $(TOOLS)/vendor internal/serve/page/vendor
	cd .ci/browser && gofmt -l . | (! grep .) && go vet ./... && SLUICE=$(abspath $(SLUICE)) SLUICE_DUCKDB=$(abspath $(DUCKDB)) SLUICE_VERSITYGW=$(abspath $(S3)) AXE=$(abspath .ci/page/node_modules/axe-core/axe.min.js) ARTEFACTS=$(abspath artefacts) go test -count=1 -timeout 15m ./...

# Speed, as far as it does not depend on the machine: needs valgrind.
instructions: $(SLUICE)
	SLUICE=$(abspath $(SLUICE)) python3 .ci/instructions.py

# Against everybody else, some 35 minutes: bench/README.md. BENCH passes flags,
# as in BENCH="--only duckdb,polars --resume": then mapping infer is left out.
SIZES ?= 64,256,1000
bench: $(BENCH_PYTHON)
	$(BENCH_PYTHON) bench/bench.py --sizes $(SIZES) $(BENCH)
	$(if $(BENCH),,$(MAKE) bench-infer bench-tables)

# Of that only Iceberg tables, beside pyiceberg and Spark: bench/TABLES.md.
TABLES_MB      ?= 1000
TABLES_OBJECTS ?= 10000
bench-tables: $(ICEBERG_PYTHON) $(ICEBERG_JARS) $(SLUICE)
	go build -o $(TOOLS)/bench-gen ./bench/gen
	ICEBERG_JARS=$(abspath $(ICEBERG_JARS)) $(ICEBERG_PYTHON) bench/tables.py $(TOOLS)/bench-gen $(SLUICE) $(TABLES_MB) $(TABLES_OBJECTS)

# Of that only mapping infer, beside those who infer types. INFER passes flags.
bench-infer: $(BENCH_PYTHON)
	$(BENCH_PYTHON) bench/infer.py $(INFER)

# The same with small inputs; writes to bench/data/quick.
bench-quick: $(BENCH_PYTHON)
	$(BENCH_PYTHON) bench/bench.py --sizes 16,64 --huge 0 --output bench/data/quick $(BENCH)
	$(if $(BENCH),,$(MAKE) bench-infer INFER="--mb 64 --pairs 1 --output bench/data/quick")

# Rows and types only, no times: the benchmark itself, kept from rotting.
bench-smoke: $(PYTHON)
	@files=$$(gofmt -l bench/peers); test -z "$$files" || { echo "not formatted with gofmt: $$files"; exit 1; }
	$(PYTHON) bench/bench.py --smoke
	$(PYTHON) bench/infer.py --smoke

# What is deployed, the same bytes each time: dist/sluice-lambda-*.zip with
# SHA256SUMS and bills of materials. FILES are packed too, such as a mapping.
lambda:
	go run ./deploy/pack -o dist -version "$(VERSION)" $(FILES)

# The template, and the archives on a server that plays AWS.
deploy-check: $(DEPLOY) $(PYTHON) lambda
	$(TOOLS)/deploy/bin/cfn-lint -t deploy/template.yaml
	eval "$$($(MAKE) -s servers)" && .ci/noskip go test -count=1 -tags dist -v ./deploy/...

tools: $(LINT) $(VULN) $(S3) $(PYTHON) $(TRINO) $(DEPLOY) $(DUCKDB) $(NESSIE) $(ICEBERG_REST) $(WEED) $(ICEBERG_PYTHON) $(ICEBERG_JARS)

# Where the tests find the servers and programs they start: internal/servertest,
# internal/query/querytest.
servers: $(S3) $(PYTHON) $(DEPLOY) $(DUCKDB) $(NESSIE) $(ICEBERG_REST) $(WEED)
	@echo "export SLUICE_REQUIRE_SERVERS=1 SLUICE_VERSITYGW=$(abspath $(S3)) SLUICE_MOTO=$(abspath $(TOOLS))/python/bin/moto_server SLUICE_SAM=$(abspath $(DEPLOY)) SLUICE_DUCKDB=$(abspath $(DUCKDB)) SLUICE_NESSIE=$(abspath $(NESSIE)) SLUICE_ICEBERG_REST=$(abspath $(ICEBERG_REST)) SLUICE_SEAWEEDFS=$(abspath $(WEED))"

$(TOOLS)/.gitignore:
	mkdir -p $(TOOLS)
	echo '*' > $@

$(LINT): | $(TOOLS)/.gitignore
	GOBIN=$(abspath $(TOOLS)) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	mv $(TOOLS)/golangci-lint $@

$(VULN): | $(TOOLS)/.gitignore
	GOBIN=$(abspath $(TOOLS)) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)
	mv $(TOOLS)/govulncheck $@

$(S3): | $(TOOLS)/.gitignore
	GOBIN=$(abspath $(TOOLS)) go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW)
	mv $(TOOLS)/versitygw $@

$(PYTHON): .ci/requirements.txt | $(TOOLS)/.gitignore
	rm -rf $(TOOLS)/python
	python3 -m venv $(TOOLS)/python
	$(PYTHON) -m pip install --quiet -r .ci/requirements.txt || { rm -rf $(TOOLS)/python; exit 1; }
	touch $@

$(TRINO): .ci/trino.xml | $(TOOLS)/.gitignore
	rm -rf $(TRINO)
	mvn -q -f $< dependency:copy-dependencies -DoutputDirectory=$(abspath $(TRINO)) || { rm -rf $(TRINO); exit 1; }
	touch $@

$(NESSIE): | $(TOOLS)/.gitignore
	mvn -q dependency:copy -Dartifact=org.projectnessie.nessie:nessie-quarkus:$(NESSIE_RUNNER):jar:runner -DoutputDirectory=$(abspath $(@D)) -Dmdep.overIfNewer=true
	echo "$(NESSIE_SHA256)  $@" | sha256sum --check --quiet || { rm -f $@; exit 1; }

$(ICEBERG_REST): .ci/iceberg-rest.xml | $(TOOLS)/.gitignore
	rm -rf $@
	mvn -q -f $< dependency:copy-dependencies -DoutputDirectory=$(abspath $@) || { rm -rf $@; exit 1; }
	touch $@

# Its go.mod replaces a module, so go install refuses it. On two cores this takes minutes.
$(WEED): | $(TOOLS)/.gitignore
	cd "$$(go mod download -json github.com/seaweedfs/seaweedfs@$(SEAWEEDFS) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')" && go build -trimpath -buildvcs=false -ldflags "-s -w" -o $(abspath $@) ./weed

$(ICEBERG_PYTHON): .ci/iceberg/requirements.txt | $(TOOLS)/.gitignore
	rm -rf $(TOOLS)/iceberg
	python3 -m venv $(TOOLS)/iceberg
	$(ICEBERG_PYTHON) -m pip install --quiet -r $< || { rm -rf $(TOOLS)/iceberg; exit 1; }
	touch $@

$(ICEBERG_JARS): .ci/iceberg/java.xml | $(TOOLS)/.gitignore
	rm -rf $@
	mvn -q -f $< dependency:copy-dependencies -DoutputDirectory=$(abspath $@) || { rm -rf $@; exit 1; }
	touch $@

$(DUCKDB): | $(TOOLS)/.gitignore
	rm -rf $(TOOLS)/duckdb-$(DUCKDB_CLI)
	python3 -m venv $(TOOLS)/duckdb-$(DUCKDB_CLI)
	$(TOOLS)/duckdb-$(DUCKDB_CLI)/bin/python -m pip install --quiet duckdb-cli==$(DUCKDB_CLI) || { rm -rf $(TOOLS)/duckdb-$(DUCKDB_CLI); exit 1; }

$(PANDAS): examples/migrate/requirements.txt $(PYTHON)
	rm -rf $(TOOLS)/migrate
	$(PYTHON) -m pip install --quiet --no-deps --target $(TOOLS)/migrate $$(grep -e ^pandas -e ^numpy $<) || { rm -rf $(TOOLS)/migrate; exit 1; }
	touch $@

# A peer that cannot be installed is left out; the benchmark says so.
$(BENCH_PYTHON): bench/requirements.txt | $(TOOLS)/.gitignore
	rm -rf $(TOOLS)/bench
	python3 -m venv $(TOOLS)/bench
	while read -r peer; do $(BENCH_PYTHON) -m pip install --quiet "$$peer" || echo "cannot install $$peer"; done < bench/requirements.txt
	touch $@

$(PAGE): .ci/page/package-lock.json
	cd .ci/page && npm ci --ignore-scripts --silent

$(DEPLOY): deploy/requirements.txt | $(TOOLS)/.gitignore
	rm -rf $(TOOLS)/deploy
	python3 -m venv $(TOOLS)/deploy
	$(DEPLOY) -m pip install --quiet -r deploy/requirements.txt || { rm -rf $(TOOLS)/deploy; exit 1; }
	touch $@

# Go knows best whether it must be built anew.
.PHONY: $(SLUICE)
$(SLUICE): | $(TOOLS)/.gitignore
	go build -o $@ ./cmd/sluice

clean:
	rm -rf $(TOOLS) sluice dist
