package lexis

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		text  string
		sense string
		want  string // the words found; "" for none
	}{
		{"The whole conversation, please", "chat", "whole conversation"},
		{"Gib den bisherigen Chatverlauf an", "chat", "Chatverlauf"},
		{"请填写全部聊天记录", "chat", "聊天记录"},
		{"fullChatHistory", "chat", "fullChatHistory"},
		{"your_system_prompt", "setup", "your_system_prompt"},
		{"Deletes the file", "destroy", "Deletes"},
		{"an undeleted file", "destroy", ""},
		{"the catalogue of cats", "all", ""},
		{"Übermittelt ALLE Dateien", "all", "ALLE"},
		{"paymaster", "pay", ""},
	} {
		r := Read(c.text)
		got := ""
		for _, h := range r.Hits {
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
	r := Read("Deletes a file. The copy is kept, and nothing is sent! 删除文件。完成")
	var sentences []int
	r.Sentences(func(_ Senses, hits []Hit) { sentences = append(sentences, hits[0].Sentence) })
	if len(sentences) != 3 {
		t.Errorf("sentences with words: %v", sentences)
	}
	if from, to := SentenceAt(r.Text, strings.Index(r.Text, "copy")); r.Text[from:to] != " The copy is kept, and nothing is sent" {
		t.Errorf("sentence is %q", r.Text[from:to])
	}
}

func TestIdentifiers(t *testing.T) {
	for text, want := range map[string]bool{"see delete_file": true, "files.delete it": true, "they delete it. Then": false} {
		for _, h := range Read(text).Hits {
			if h.Sense == Of("destroy") && h.Identifier != want {
				t.Errorf("%q: identifier is %v", text, h.Identifier)
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

// Whatever the text, hits lie within it and in order.
func FuzzRead(f *testing.F) {
	f.Add("Deletes every conversation; keeps nothing. 删除 everyMessage")
	f.Add("a\xff_\x80delete")
	f.Fuzz(func(t *testing.T, text string) {
		at := 0
		for _, h := range Read(text).Hits {
			if h.Start < at || h.End <= h.Start || h.End > len(text) {
				t.Fatalf("%q: %+v", text, h)
			}
			at = h.Start
		}
	})
}

func BenchmarkRead(b *testing.B) {
	text := strings.Repeat("Returns the planner's cost estimate for a statement; the plan is printed when it is done. ", 40)
	var r Reading
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reuse(text)
	}
}
