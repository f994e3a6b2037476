package view

import "strings"

const reasonBinary = "binary content is not inspected"

// skipBinary lists the parts of a body that hold images, audio or files: content items of type image or audio with their
// data, and the blobs of resources (MCP 2025-11-25, "Content" and "BlobResourceContents"). A model reads them; detectors
// of text do not.
func (s *scanner) skipBinary() {
	if !strings.Contains(s.body, `"data"`) && !strings.Contains(s.body, `"blob"`) {
		return
	}
	media, files := map[string]bool{}, map[string]bool{} // pointers of objects that say what they are
	var binary []string
	for i := range s.doc.Segments {
		seg := &s.doc.Segments[i]
		object, member, ok := cutLast(seg.Pointer)
		if seg.Key || !ok {
			continue
		}
		switch member {
		case "type":
			text := seg.Views[0].Text
			media[object] = media[object] || text == "image" || text == "audio"
		case "uri":
			files[object] = true
		case "data", "blob":
			if seg.End > seg.Start {
				binary = append(binary, seg.Pointer)
			}
		}
	}
	for _, pointer := range binary {
		object, member, _ := cutLast(pointer)
		if member == "data" && media[object] || member == "blob" && files[object] {
			s.skipAt(pointer, reasonBinary)
		}
	}
}

// cutLast cuts a pointer at its last token.
func cutLast(pointer string) (parent, token string, ok bool) {
	i := strings.LastIndexByte(pointer, '/')
	if i < 0 {
		return "", "", false
	}
	return pointer[:i], pointer[i+1:], true
}
