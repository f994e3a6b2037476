package models

//go:generate go run ./internal/genclasses

// ClassInfo describes a threat class.
type ClassInfo struct {
	ID   Class  `json:"id"`
	Name string `json:"name"`
	// Summary is one sentence that says what the class is.
	Summary string `json:"summary"`
	// Severity is the class's usual severity; a finding states its own.
	Severity Severity  `json:"severity"`
	Mappings []Mapping `json:"mappings"`
}

// Mapping is the class's counterpart in a public list. Three of these lists were renumbered within a year, so an id
// means nothing without its edition. classes.json is where classes and mappings are edited.
type Mapping struct {
	Framework string `json:"framework"` // "owasp-mcp", "owasp-asi", "owasp-llm", "mitre-atlas", "saf-mcp", "cwe", "cosai-mcp"
	Edition   string `json:"edition"`
	ID        string `json:"id"`
}

// Classes returns the threat classes in the order A1 to E15. The slice is the caller's, its mappings are shared.
func Classes() []ClassInfo { return append([]ClassInfo(nil), classes...) }

// ClassByID returns the class with the given id.
func ClassByID(id Class) (ClassInfo, bool) {
	i, ok := classIndex[id]
	if !ok {
		return ClassInfo{}, false
	}
	return classes[i], true
}

var classIndex = func() map[Class]int {
	m := make(map[Class]int, len(classes))
	for i, c := range classes {
		m[c.ID] = i
	}
	return m
}()
