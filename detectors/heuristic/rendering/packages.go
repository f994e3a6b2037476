package rendering

import (
	"slices"
	"strings"

	"github.com/aad6b6dc/taster/detectors/heuristic/check"
	"github.com/aad6b6dc/taster/models"
)

// wellKnown are packages that look-alikes are made of.
var wellKnown = strings.Fields(`
requests numpy pandas scipy matplotlib openpyxl geopandas sqlalchemy tensorflow pytorch torch keras django flask fastapi pydantic pillow beautifulsoup4
selenium pyyaml cryptography paramiko urllib3 setuptools virtualenv pytest celery redis psycopg2 pymongo boto3 botocore scikit-learn jupyter notebook
transformers langchain openai anthropic tiktoken uvicorn gunicorn httpx aiohttp jinja2 markupsafe colorama tqdm rich click typer pypdf reportlab
xlsxwriter opencv-python playwright dotenv python-dotenv black pylint flake8 poetry ansible fabric twine
express lodash react react-dom angular vue svelte axios webpack typescript eslint prettier jest mocha chalk commander dotenv nodemon
mongoose sequelize passport jsonwebtoken bcrypt socket.io moment dayjs uuid electron puppeteer cheerio discord.js request rollup esbuild vite
husky cross-env rimraf inquirer yargs winston morgan helmet bluebird async underscore jquery bootstrap tailwindcss ethers web3 next nuxt
mcp-server-fetch mcp-server-git mcp-server-time mcp-server-sqlite fastmcp
rails devise sidekiq nokogiri rspec bundler serde tokio reqwest clap anyhow
`)

var known = func() map[string]bool {
	m := map[string]bool{}
	for _, p := range wellKnown {
		m[p] = true
	}
	for _, p := range []string{"preact", "nextra", "requests2", "boto", "mock", "chai", "colors", "color", "vuex", "request", "requests", "redux", "nest", "clip", "clack", "flash"} {
		m[p] = true
	}
	return m
}()

var startsWith = pieceOf("start")

const (
	minPackage  = 5  // letters; shorter names are near to many
	maxPackages = 20 // of one line
)

// packages looks at the names behind a command that installs.
func (w *writer) packages(i, v int, text string, start, end int) {
	if pieces(w.parts)&startsWith == 0 {
		return
	}
	for _, h := range w.parts {
		if h.piece&startsWith == 0 {
			continue
		}
		at, single := h.end, !strings.Contains(text[h.start:h.end], "install") // npx and the like take one
		for range maxPackages {
			for at < end && strings.IndexByte(" \t\"',", text[at]) >= 0 {
				at++
			}
			from := at
			for at < end && strings.IndexByte(" \t\r\n\"',;|&`)", text[at]) < 0 {
				at++
			}
			if from == at {
				break
			}
			if imitation(text[from:at]) && !w.speaksOfAttacks(i, v) {
				w.Report(lookalike, nil, w.span(i, v, from, at))
				return
			}
			if single && text[from] != '-' || at < end && strings.IndexByte(";|&`)\n", text[at]) >= 0 {
				break
			}
		}
		return
	}
}

// scopes are publishers whose name look-alikes are made of.
var scopes = []string{"modelcontextprotocol", "anthropic-ai", "microsoft", "google-cloud", "googleapis", "aws-sdk", "angular", "openai", "vercel", "sentry", "cloudflare", "supabase", "playwright", "langchain", "huggingface", "atlassian", "github", "gitlab", "stripe", "notionhq"}

// imitation reports a package, with scope and version or without, whose name or scope is but a letter off a well-known one.
func imitation(name string) bool {
	if scope, _, found := strings.Cut(strings.ToLower(name), "/"); found && strings.HasPrefix(scope, "@") {
		for _, s := range scopes {
			if oneOff(scope[1:], s) || pretends(scope[1:], s) {
				return true
			}
		}
		return false
	}
	name = bare(name)
	if stem, _, found := strings.Cut(name, "-"); found && len(stem) >= minPackage && !known[stem] && misspells(stem) {
		return true
	}
	return len(name) >= minPackage && !known[name] && resembles(name)
}

// arguments looks at packages that a call hands to a launcher.
func arguments(e *check.Event) {
	if e.Input.Event.Kind != models.KindToolCall {
		return
	}
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key || !strings.Contains(s.Pointer, "/args/") && check.Last(s) != "package" && check.Last(s) != "packages" {
			continue
		}
		if imitation(s.Views[0].Text) {
			e.Report(lookalike, nil, e.Whole(i))
			return
		}
	}
}

// bare is a package's name without scope and version.
func bare(name string) string {
	if strings.HasPrefix(name, "-") || strings.HasPrefix(name, "@") {
		return ""
	}
	if n := strings.IndexAny(name, "@=<>~[("); n > 0 {
		name = name[:n]
	}
	return strings.ToLower(strings.TrimRight(name, ".:"))
}

func resembles(name string) bool {
	for _, p := range wellKnown {
		if len(p) >= minPackage && oneOff(name, p) {
			return true
		}
	}
	return false
}

// pretends reports a scope that claims to be the publisher: modelcontextprotocol-official.
func pretends(scope, publisher string) bool {
	claim, found := strings.CutPrefix(scope, publisher)
	switch strings.Trim(claim, "-_") {
	case "official", "team", "org", "verified", "inc", "hq", "community":
		return found
	}
	return false
}

// misspells reports the name of a well-known package with two letters swapped.
func misspells(name string) bool {
	for _, p := range wellKnown {
		if len(p) == len(name) && p != name && oneOff(name, p) && sameLetters(name, p) {
			return true
		}
	}
	return false
}

func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return string(x) == string(y)
}

// oneOff reports names that differ in one letter: another, one too many, one too few, or two that changed places.
func oneOff(a, b string) bool {
	if a == b || len(a) > len(b)+1 || len(b) > len(a)+1 {
		return false
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	j := 0
	for j < len(a)-i && j < len(b)-i && a[len(a)-1-j] == b[len(b)-1-j] {
		j++
	}
	left, right := a[i:len(a)-j], b[i:len(b)-j]
	return len(left) <= 1 && len(right) <= 1 || len(left) == 2 && len(right) == 2 && left[0] == right[1] && left[1] == right[0]
}

var (
	launchers = map[string]bool{"npx": true, "uvx": true, "bunx": true, "pipx": true, "bash": true, "sh": true, "node": true, "python": true, "python3": true, "docker": true, "uv": true, "deno": true}
	trusting  = map[string]bool{"autoapprove": true, "auto_approve": true, "alwaysallow": true, "always_allow": true, "approved_by": true, "approval": true, "approved": true, "trust": true, "trusted": true, "autostart": true, "skip_review": true, "confirm": true}
	trusted   = map[string]bool{"auto": true, "automatic": true, "*": true, "all": true, "true": true, "none": true, "skip": true, "assistant": true, "agent": true, "always": true, "not needed": true}
)

// trusts reports a call that adds a program to a configuration together with its approval.
func trusts(e *check.Event) {
	if e.Input.Event.Kind != models.KindToolCall {
		return
	}
	launcher, approval := -1, -1
	for i := range e.Segments {
		s := &e.Segments[i]
		if s.Key {
			continue
		}
		name, value := strings.ToLower(check.Last(s)), strings.ToLower(s.Views[0].Text)
		if name == "command" && launchers[value] {
			launcher = i
		}
		if name == "0" {
			parent := s.Pointer[:strings.LastIndexByte(s.Pointer, '/')]
			name = strings.ToLower(parent[strings.LastIndexByte(parent, '/')+1:])
		}
		if trusting[name] && trusted[value] {
			approval = i
		}
	}
	if launcher >= 0 && approval >= 0 {
		e.Report(selfTrusted, nil, e.Whole(launcher), e.Whole(approval))
	}
}
