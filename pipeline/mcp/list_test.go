package mcp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/mcp"
)

func objects(l *mcp.Listing) []string {
	var out []string
	for _, e := range l.Events {
		out = append(out, string(e.Kind)+":"+e.Object)
	}
	return out
}

func checkReal(t *testing.T, l *mcp.Listing, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	got := slices.DeleteFunc(objects(l), func(s string) bool { return strings.HasSuffix(s, "#_meta") })
	slices.Sort(got)
	greeting := "instructions:initialize"
	if l.Revision == "2026-07-28" {
		greeting = "instructions:server/discover"
	}
	want := []string{
		greeting,
		"prompt:greet", "resource:file:///readme", "resource:file:///{path}",
		"tool:add", "tool:multiply", "tool:subtract",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if len(l.Gaps) > 0 {
		t.Errorf("gaps: %v", l.Gaps)
	}
	for _, e := range l.Events {
		if e.Catalogue != l.Catalogue.Digest || e.Server != "test" {
			t.Errorf("%s %q: catalogue %q, server %q", e.Kind, e.Object, e.Catalogue, e.Server)
		}
	}
}

func TestListStdio(t *testing.T) {
	l, err := mcp.List(t.Context(), child(t, "real"), "0", limits())
	checkReal(t, l, err)
}

func TestListHTTP(t *testing.T) {
	for name, options := range map[string]*sdk.StreamableHTTPOptions{
		"sessions": nil, "stateless": {Stateless: true}, "plain JSON": {JSONResponse: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := realServer()
			handler := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, options)
			var unauthorised int
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer x" {
					unauthorised++
				}
				handler.ServeHTTP(w, r)
			}))
			defer s.Close()
			l, err := mcp.List(t.Context(), mcp.Target{
				Name: "test", URL: s.URL, Headers: map[string]string{"Authorization": "Bearer x"},
			}, "0", limits())
			checkReal(t, l, err)
			if unauthorised > 0 {
				t.Errorf("%d requests without the configured header", unauthorised)
			}
		})
	}
}

func TestListSSE(t *testing.T) {
	server := realServer()
	s := httptest.NewServer(sdk.NewSSEHandler(func(*http.Request) *sdk.Server { return server }, nil))
	defer s.Close()
	l, err := mcp.List(t.Context(), mcp.Target{Name: "test", URL: s.URL, SSE: true}, "0", limits())
	checkReal(t, l, err)
}

func TestListKeepsBytes(t *testing.T) {
	for _, sort := range []string{"old", "noise", "ignores-unknown", "dies-at-unknown"} {
		t.Run(sort, func(t *testing.T) {
			lim := limits()
			if sort == "ignores-unknown" {
				lim.Discover = 300 * time.Millisecond
			}
			l, err := mcp.List(t.Context(), child(t, sort), "0", lim)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(l.Events, func(e models.Event) bool { return e.Kind == models.KindTool })
			if i < 0 {
				t.Fatalf("no tool among %v", objects(l))
			}
			if diff := cmp.Diff(rawTool, string(l.Events[i].Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if l.Revision != "2024-11-05" || len(l.Gaps) > 0 {
				t.Errorf("revision %q, gaps %v", l.Revision, l.Gaps)
			}
		})
	}
}

func TestListHostile(t *testing.T) {
	for _, test := range []struct {
		sort, gap string
		limit     func(*mcp.Limits)
	}{
		{"endless", "more than 5 pages", func(l *mcp.Limits) { l.Pages = 5 }},
		{"endless", "more than 7 objects", func(l *mcp.Limits) { l.Objects = 7 }},
		{"endless", "more bytes than allowed", func(l *mcp.Limits) { l.Bytes = 2000 }},
		{"circle", "the same cursor came twice", nil},
		{"huge", "more than 1048576 bytes", func(l *mcp.Limits) { l.FrameBytes = 1 << 20 }},
		{"hangs-at-list", "deadline exceeded", func(l *mcp.Limits) { l.Call = 300 * time.Millisecond }},
		{"floods", "more than 1000 messages unasked", nil},
	} {
		t.Run(test.sort+" "+test.gap, func(t *testing.T) {
			lim := limits()
			if test.limit != nil {
				test.limit(&lim)
			}
			l, err := mcp.List(t.Context(), child(t, test.sort), "0", lim)
			if err != nil {
				t.Fatal(err)
			}
			if len(l.Gaps) != 1 || l.Gaps[0].Method != "tools/list" || !strings.Contains(l.Gaps[0].Reason, test.gap) {
				t.Errorf("gaps %v, want one about %q", l.Gaps, test.gap)
			}
		})
	}
}

func TestListKeepsWhatTheServerAsks(t *testing.T) {
	l, err := mcp.List(t.Context(), child(t, "asks"), "0", limits())
	if err != nil {
		t.Fatal(err)
	}
	if got := objects(l); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "sampling:") }) {
		t.Errorf("no sampling event among %v", got)
	}
}

func TestListFails(t *testing.T) {
	for _, test := range []struct{ sort, want string }{
		{"only-noise", `"Starting the server ..."`},
		{"only-noise", "no licence found"},
		{"refuses", "refuses the handshake"},
		{"silent", "deadline exceeded"},
		{"deaf", "deadline exceeded"},
	} {
		t.Run(test.sort, func(t *testing.T) {
			lim := limits()
			lim.Total = 2 * time.Second
			if test.sort == "silent" || test.sort == "deaf" {
				lim.Discover, lim.Call = 100*time.Millisecond, 100*time.Millisecond
			}
			_, err := mcp.List(t.Context(), child(t, test.sort), "0", lim)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	t.Run("no such command", func(t *testing.T) {
		if _, err := mcp.List(t.Context(), mcp.Target{Name: "x", Command: "/no/such/command"}, "0", limits()); err == nil {
			t.Error("no error")
		}
	})
}

func TestListStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := mcp.List(ctx, child(t, "silent"), "0", limits()); err == nil {
		t.Error("no error")
	}
}

func TestListDoesNotFollowToAnotherHost(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer s.Close()
	if _, err := mcp.List(t.Context(), mcp.Target{Name: "x", URL: s.URL}, "0", limits()); err == nil {
		t.Error("no error")
	}
	if reached {
		t.Error("the other host got a request")
	}
}

func TestChildGetsNoSecrets(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	if os.Getenv("PATH") == "" {
		t.Skip("no PATH")
	}
	env := strings.Join(mcp.BaseEnv(), "\n")
	if strings.Contains(env, "secret") || !strings.Contains(env, "PATH=") {
		t.Errorf("base environment:\n%s", env)
	}
}
