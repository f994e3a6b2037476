package heuristic

import "github.com/aad6b6dc/taster/models"

// revealing are the steps of a normalised view that undo what keeps a text from being read or found as it stands.
var revealing = map[string]models.Class{"strip_invisible": "B1", "fold_lookalikes": "B2"}

// disguise returns the class of what normalisation undid, or "".
func disguise(v *models.View) models.Class {
	if v.Kind != models.ViewNormalised {
		return ""
	}
	for _, step := range v.Chain {
		if c := revealing[step]; c != "" {
			return c
		}
	}
	return ""
}
