package models

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClassesAreInOrder(t *testing.T) {
	var want, got []Class
	for _, group := range []struct {
		letter string
		n      int
	}{{"A", 16}, {"B", 11}, {"C", 13}, {"D", 9}, {"E", 15}} {
		for i := range group.n {
			want = append(want, Class(fmt.Sprint(group.letter, i+1)))
		}
	}
	for _, c := range Classes() {
		got = append(got, c.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestClassesAreComplete(t *testing.T) {
	for _, c := range Classes() {
		if c.Name == "" || c.Summary == "" || c.Severity.Rank() < 1 || len(c.Mappings) == 0 {
			t.Errorf("%s is incomplete: %+v", c.ID, c)
		}
		seen := map[Mapping]bool{}
		for _, m := range c.Mappings {
			if m.Framework == "" || m.Edition == "" || m.ID == "" || seen[m] {
				t.Errorf("%s: mapping %+v is incomplete or doubled", c.ID, m)
			}
			seen[m] = true
		}
	}
}

func TestClassByID(t *testing.T) {
	for _, c := range Classes() {
		if got, ok := ClassByID(c.ID); !ok || got.Name != c.Name {
			t.Errorf("ClassByID(%s) = %+v, %v", c.ID, got, ok)
		}
	}
	if c, ok := ClassByID("F1"); ok {
		t.Errorf("ClassByID(F1) = %+v", c)
	}
}

func TestClassesAreACopy(t *testing.T) {
	Classes()[0].Name = "changed"
	if c, _ := ClassByID("A1"); c.Name == "changed" {
		t.Error("a caller's change shows")
	}
}

func TestClassValid(t *testing.T) {
	for c, want := range map[Class]bool{
		"A1": true, "E15": true, "X-acme-shouting": true, "X-Acme-a-b-c-d": true,
		"": false, "A0": false, "A17": false, "a1": false, "X-acme": false, "X-acme-": false, "X-acme-a-b-c-d-e": false, "X-ac me-x": false,
	} {
		if got := c.Valid(); got != want {
			t.Errorf("Class(%q).Valid() = %v, want %v", c, got, want)
		}
	}
}
