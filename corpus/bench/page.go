package bench

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"image/color"
	"io"
	"math"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/aad6b6dc/taster/corpus/score"
)

//go:embed page.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"pct":              func(r score.Rate) string { return cellText(r, "%.1f %%", 100) },
	"thousand":         func(r score.Rate) string { return cellText(r, "%.2f", 1000) },
	"interval":         func(r score.Rate) string { return spanText(r, "%.1f", 100) },
	"thousandInterval": func(r score.Rate) string { return spanText(r, "%.2f", 1000) },
	"bar":              bar,
	"colour": func(i int) template.CSS {
		c := palette[i%len(palette)]
		return template.CSS(fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B))
	},
	"short":   short,
	"num":     func(x float64) string { return fmt.Sprintf("%.3f", x) },
	"p":       chance,
	"us":      duration,
	"plural":  plural,
	"program": func(r Record) string { return r.program() },
	"tables":  tables,
	"pages":   func(t *joined) bool { return len(t.Rows) > 24 },
}).Parse(pageText))

// WriteHTML writes the report as one page that needs nothing else: no script, no font, no address.
func WriteHTML(w io.Writer, r *Report) error {
	page := struct {
		*Report
		Plots []figure
	}{Report: r}
	var err error
	if page.Plots, err = figures(r); err != nil {
		return fmt.Errorf("drawing plots: %w", err)
	}
	var buf bytes.Buffer
	if err := pageTemplate.Execute(&buf, page); err != nil {
		return fmt.Errorf("writing page: %w", err)
	}
	if _, err := w.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("writing page: %w", err)
	}
	return nil
}

// joined is one dimension's tables of all systems side by side.
type joined struct {
	By      string
	Systems []string
	Rows    []joinedRow
}

type joinedRow struct {
	Value string
	Cells []*Slice // by system; nil where it has no such rows
}

// tables sets the systems' slices side by side, without dimensions that say nothing.
func tables(r *Report) []*joined {
	var out []*joined
	if len(r.Systems) == 0 {
		return nil
	}
	for _, t := range r.Systems[0].By {
		if len(t.Slices) == 0 || len(t.Slices) == 1 && t.Slices[0].Value == NotStated {
			continue
		}
		j := &joined{By: t.By}
		for i := range r.Systems {
			j.Systems = append(j.Systems, r.Systems[i].Name)
		}
		for _, s := range t.Slices {
			row := joinedRow{Value: s.Value}
			for i := range r.Systems {
				row.Cells = append(row.Cells, r.Systems[i].slice(t.By, s.Value))
			}
			j.Rows = append(j.Rows, row)
		}
		out = append(out, j)
	}
	return out
}

// slice finds the slice of one value.
func (s *System) slice(by, value string) *Slice {
	for i := range s.By {
		if s.By[i].By != by {
			continue
		}
		for k := range s.By[i].Slices {
			if s.By[i].Slices[k].Value == value {
				return &s.By[i].Slices[k].Slice
			}
		}
	}
	return nil
}

func cellText(r score.Rate, format string, unit float64) string {
	if r.N == 0 {
		return nothing
	}
	return fmt.Sprintf(format, unit*r.Value)
}

func spanText(r score.Rate, format string, unit float64) string {
	if r.N == 0 {
		return ""
	}
	return fmt.Sprintf("["+format+"–"+format+"]", unit*r.Low, unit*r.High)
}

// bar draws a rate and its interval as a strip from 0 to 1.
func bar(r score.Rate) template.HTML {
	if r.N == 0 {
		return ""
	}
	const width = 100.0
	return template.HTML(fmt.Sprintf(
		`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="10" class="bg"/><rect x="%.2f" width="%.2f" height="10" class="ci"/><rect x="%.2f" width="1.6" height="10" class="v"/></svg>`,
		r.Low*width, math.Max((r.High-r.Low)*width, 0.8), math.Min(r.Value*width, 98.4)))
}

// figure is a plot with its caption.
type figure struct {
	Title, Caption string
	SVG            template.HTML
}

// palette is Okabe and Ito's, which colour-blind readers tell apart too.
var palette = []color.RGBA{
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff},
	{0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x33, 0x33, 0x33, 0xff},
}

func figures(r *Report) ([]figure, error) {
	var out []figure
	add := func(f figure, p *plot.Plot, drawn bool) error {
		if !drawn {
			return nil
		}
		svg, err := render(p)
		f.SVG = svg
		out = append(out, f)
		return err
	}
	for _, draw := range []func(*Report) (figure, *plot.Plot, bool){rocPlot, prPlot, reliabilityPlot} {
		if err := add(draw(r)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lowestRate is where the logarithmic axis of false positive rates begins.
const lowestRate = 1e-4

func rocPlot(r *Report) (figure, *plot.Plot, bool) {
	p := newPlot("false positive rate (logarithmic)", "recall")
	p.X.Min, p.X.Max = lowestRate, 1
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ticks{{Value: 1e-4, Label: "0.01 %"}, {Value: 1e-3, Label: "0.1 %"}, {Value: 1e-2, Label: "1 %"}, {Value: 1e-1, Label: "10 %"}, {Value: 1, Label: "100 %"}}
	drawn := curves(p, r, func(c *Curve) plotter.XYs {
		points := plotter.XYs{}
		var before float64 // recall at rates below the axis
		for _, q := range c.ROC {
			if q.X < lowestRate {
				before = q.Y
				continue
			}
			if len(points) == 0 {
				points = append(points, plotter.XY{X: lowestRate, Y: before})
			}
			points = append(points, plotter.XY{X: q.X, Y: points[len(points)-1].Y}, plotter.XY{X: q.X, Y: q.Y})
		}
		return points
	})
	return figure{Title: "Recall against false alarms", Caption: "By threshold on the score: malicious rows above it, against benign rows above it. Up and left is better. Dashed: 0.1 % and 1 %."},
		with(p, verticals(1e-3, 1e-2)), drawn
}

func prPlot(r *Report) (figure, *plot.Plot, bool) {
	p := newPlot("recall", "precision")
	p.X.Tick.Marker = percentTicks
	drawn := curves(p, r, func(c *Curve) plotter.XYs {
		points := plotter.XYs{}
		for _, q := range c.PR {
			points = append(points, plotter.XY{X: q.X, Y: q.Y})
		}
		return points
	})
	return figure{Title: "Precision against recall", Caption: "Precision depends on the share of malicious rows in the corpus, which is far above that of real traffic."}, p, drawn
}

func reliabilityPlot(r *Report) (figure, *plot.Plot, bool) {
	p := newPlot("score", "share that is malicious")
	p.X.Tick.Marker = percentTicks
	diagonal, _ := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})
	diagonal.Color, diagonal.Dashes = color.Gray{0xa0}, []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(diagonal)
	drawn := false
	for i := range r.Systems {
		c := r.Systems[i].Calibration
		if c == nil {
			continue
		}
		var points plotter.XYs
		for _, b := range c.Bins {
			if b.N > 0 {
				points = append(points, plotter.XY{X: b.MeanScore, Y: b.Rate.Value})
			}
		}
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			continue
		}
		line.Color, dots.Color = palette[i%len(palette)], palette[i%len(palette)]
		line.Width = vg.Points(1.5)
		dots.Shape, dots.Radius = draw.CircleGlyph{}, vg.Points(3)
		p.Add(line, dots)
		drawn = true
	}
	return figure{Title: "Calibration", Caption: "Of the events with about this score, how many are malicious? On the dashed line a score of 0.7 means 70 %, in a corpus of this mixture."}, p, drawn
}

// curves draws one line for each system that has a curve.
func curves(p *plot.Plot, r *Report, points func(*Curve) plotter.XYs) (drawn bool) {
	for i := range r.Systems {
		c := r.Systems[i].Curve
		if c == nil {
			continue
		}
		xys := points(c)
		if len(xys) == 0 {
			continue
		}
		line, err := plotter.NewLine(xys)
		if err != nil {
			continue
		}
		line.Color, line.Width = palette[i%len(palette)], vg.Points(2)
		p.Add(line)
		drawn = true
	}
	return drawn
}

func verticals(at ...float64) []plot.Plotter {
	var out []plot.Plotter
	for _, x := range at {
		line, err := plotter.NewLine(plotter.XYs{{X: x, Y: 0}, {X: x, Y: 1}})
		if err != nil {
			continue
		}
		line.Color, line.Dashes = color.Gray{0xa0}, []vg.Length{vg.Points(4), vg.Points(3)}
		out = append(out, line)
	}
	return out
}

func with(p *plot.Plot, more []plot.Plotter) *plot.Plot {
	p.Add(more...)
	return p
}

// ticks are fixed marks of an axis.
type ticks []plot.Tick

// Ticks implements plot.Ticker.
func (t ticks) Ticks(_, _ float64) []plot.Tick { return t }

var percentTicks = ticks{{Value: 0, Label: "0 %"}, {Value: 0.2, Label: "20 %"}, {Value: 0.4, Label: "40 %"}, {Value: 0.6, Label: "60 %"}, {Value: 0.8, Label: "80 %"}, {Value: 1, Label: "100 %"}}

func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	p.Y.Tick.Marker = percentTicks
	p.Add(plotter.NewGrid())
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font.Size, axis.Tick.Label.Font.Size = vg.Points(11), vg.Points(10)
	}
	return p
}

// render draws a plot as an SVG element that scales with the page.
func render(p *plot.Plot) (template.HTML, error) {
	const width, height = 420, 300
	c := vgsvg.New(vg.Points(width), vg.Points(height))
	const right, top = 18, 6 // room for the last tick's label
	p.Draw(draw.Crop(draw.New(c), 0, -right, 0, -top))
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return "", err
	}
	_, body, found := strings.Cut(buf.String(), "<svg")
	start, body, closed := strings.Cut(body, ">")
	box := viewBox.FindString(start)
	if !found || !closed || box == "" {
		return "", errors.New("the plot is not SVG")
	}
	return template.HTML(`<svg xmlns="http://www.w3.org/2000/svg" ` + box + ` role="img">` + body), nil
}

var viewBox = regexp.MustCompile(`viewBox="[^"]*"`)
