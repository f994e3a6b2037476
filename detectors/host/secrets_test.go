package host

import (
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/detectors"
)

func TestSecretsReachTheDetectorAndNothingElse(t *testing.T) {
	s := Source{
		Configs: map[string]detectors.Config{"asker": detectors.Config(`{"model":"small"}`)},
		Secrets: map[string]map[string]string{"asker": {"api_key": `a "key"`}, "bare": {"api_key": "x"}},
	}
	for name, want := range map[string]string{
		"asker": `{"api_key":"a \"key\"","model":"small"}`, "bare": `{"api_key":"x"}`, "other": "",
	} {
		got, err := s.config(name)
		if err != nil || string(got) != want {
			t.Errorf("%s is sent %s, %v, want %s", name, got, err, want)
		}
	}
	spec := detectors.Spec{Name: "asker", Version: "1.0.0"}
	with := detectorDigest("code", &spec, s.Configs["asker"])
	s.Secrets["asker"]["api_key"] = "another"
	if with != detectorDigest("code", &spec, s.Configs["asker"]) {
		t.Error("the digest depends on a secret")
	}
	s.Configs["asker"] = detectors.Config(`[]`)
	if _, err := s.config("asker"); err == nil || strings.Contains(err.Error(), "another") {
		t.Errorf("got %v, want an error without the secret", err)
	}
}
