package view

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aad6b6dc/taster/models"
)

func TestBinaryIsSkipped(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       []string
	}{
		{"image", `{"content":[{"type":"text","text":"a"},{"type":"image","data":"iVBORw0KGgo=","mimeType":"image/png"}]}`, []string{"/content/1/data"}},
		{"audio, type last", `{"content":[{"data":"UklGRg==","type":"audio"}]}`, []string{"/content/0/data"}},
		{"two types", `{"content":[{"type":"image","data":"iVBORw0KGgo=","type":"text"}]}`, []string{"/content/0/data"}},
		{"file", `{"contents":[{"uri":"file:///a","blob":"AAEC"}]}`, []string{"/contents/0/blob"}},
		{"no data", `{"content":[{"type":"image","data":""}]}`, nil},
		{"data of a log line", `{"method":"notifications/message","params":{"type":"info","data":"started"}}`, nil},
		{"parameter called blob", `{"inputSchema":{"properties":{"blob":{"type":"string","description":"blob"}}}}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := Build([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			var want []models.Skipped
			for _, pointer := range tt.want {
				want = append(want, models.Skipped{Pointer: pointer, Reason: reasonBinary})
			}
			if diff := cmp.Diff(want, doc.Skipped); diff != "" {
				t.Error(diff)
			}
		})
	}
}
