package lexis

import (
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/detectors/internal/directive"
)

func read(t testing.TB, text string) *Reading {
	t.Helper()
	lexicon, err := directive.Default()
	if err != nil {
		t.Fatal(err)
	}
	var r Reading
	r.Read(text, lexicon.Reader().Read(text).Hits)
	return &r
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		text  string
		sense string
		want  string // the words found first; "" for none
	}{
		{"The whole conversation, please", "chat", "whole conversation"},
		{"Gib den bisherigen Chatverlauf an", "chat", "Chatverlauf"},
		{"请填写全部聊天记录", "chat", "聊天记录"},
		{"fullChatHistory", "chat", "fullChat"},
		{"your_system_prompt", "setup", "your_system_prompt"},
		{"Deletes the file", "destroy", "Deletes"},
		{"an undeleted file", "destroy", ""},
		{"the catalogue of cats", "all", ""},
		{"Übermittelt ALLE Dateien", "all", "ALLE"},
		{"paymaster", "pay", ""},
	} {
		got := ""
		for _, h := range read(t, c.text).Hits {
			if h.Sense == Of(c.sense) {
				got = c.text[h.Start:h.End]
				break
			}
		}
		if got != c.want {
			t.Errorf("%q: %s is %q, want %q", c.text, c.sense, got, c.want)
		}
	}
}

func TestSentences(t *testing.T) {
	r := read(t, "Deletes a file. The copy is kept, and nothing is sent! 删除文件。完成")
	var sentences []int
	for hits := range r.Sentences {
		sentences = append(sentences, hits[0].Sentence)
	}
	if len(sentences) != 3 {
		t.Errorf("sentences with words: %v", sentences)
	}
	if from, to := SentenceAt(r.Text, strings.Index(r.Text, "copy")); r.Text[from:to] != " The copy is kept, and nothing is sent" {
		t.Errorf("sentence is %q", r.Text[from:to])
	}
}

func TestIdentifiers(t *testing.T) {
	for text, want := range map[string]bool{"see delete_file": true, "files.delete it": true, "they delete it. Then": false} {
		for _, h := range read(t, text).Hits {
			if h.Sense == Of("destroy") && h.Identifier != want {
				t.Errorf("%q: identifier is %v", text, h.Identifier)
			}
		}
	}
}

func TestForeign(t *testing.T) {
	for text, want := range map[string]bool{"is deleted": false, "wird gelöscht": true} {
		for _, h := range read(t, text).Hits {
			if h.Sense == Of("destroy") && h.Foreign != want {
				t.Errorf("%q: foreign is %v", text, h.Foreign)
			}
		}
	}
}

func TestUnknownSense(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Of("nonsense")
}
