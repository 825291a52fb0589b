// Package browser drives the page of the real command with a real browser. `make browser`
// installs what it needs.
package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds the wait for something that the page is to show.
const patience = time.Minute

// need is a variable that `make browser` sets.
func need(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: run make browser", name)
	}
	return value
}

// lake is a running `sluice serve`, if nothing else is said over a folder of its own.
type lake struct {
	folder, url string
	path        string   // where it looks for DuckDB
	within      []string // the command that starts it, if another program does
	config      string   // in place of the folder
	cmd         *exec.Cmd
}

func startLake(t *testing.T, flags ...string) *lake {
	t.Helper()
	l := &lake{folder: filepath.Join(t.TempDir(), "lake"), path: filepath.Dir(need(t, "SLUICE_DUCKDB"))}
	l.start(t, flags...)
	return l
}

func (l *lake) start(t *testing.T, flags ...string) {
	t.Helper()
	where := []string{"--lake", l.folder}
	if l.config != "" {
		where = []string{"-c", l.config}
	}
	args := slices.Concat(l.within, []string{need(t, "SLUICE"), "serve", "--listen", "127.0.0.1:0"}, where, flags)
	l.cmd = exec.Command(args[0], args[1:]...)
	l.cmd.Env = append(os.Environ(), "PATH="+l.path+":"+os.Getenv("PATH"))
	if l.path == "" {
		l.cmd.Env = append(os.Environ(), "PATH=")
	}
	l.cmd.Stderr = os.Stderr
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.stop() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "http://"); ok {
			l.url = "http://" + strings.TrimSpace(address)
			go func() {
				for lines.Scan() { // so that it never waits for its reader
				}
			}()
			return
		}
	}
	t.Fatalf("sluice serve printed no address: %v", lines.Err())
}

func (l *lake) stop() {
	if l.cmd.ProcessState == nil {
		_ = l.cmd.Process.Signal(syscall.SIGTERM)
		_ = l.cmd.Wait()
	}
}

// tab is a tab of the browser.
type tab struct {
	ctx  context.Context
	t    *testing.T
	base string // http://127.0.0.1:port

	mu       sync.Mutex
	requests []string // addresses that were asked for
	bytes    float64  // that came, with headers
	faults   []string // of scripts
}

// refused collects what the policy of the page refuses. When a selection in an editor
// is typed over, the browser itself sets style attributes; they are refused, and the
// editor draws its text anew.
const refused = `
	window.refused = []
	document.addEventListener('securitypolicyviolation', event => {
		if (event.violatedDirective === 'style-src-attr' && event.target.closest?.('.editor')) return
		refused.push(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sourceFile + ':' + event.lineNumber)
	})`

// open starts a browser and opens the lake's page in it.
func open(t *testing.T, l *lake) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1440, 900),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Env("FONTCONFIG_FILE="+file(t, "fonts.conf")))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{ctx: ctx, t: t, base: strings.TrimSuffix(strings.SplitN(l.url, "?", 2)[0], "/")}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	b.call(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: refused})
		return err
	})
	b.do(chromedp.Navigate(l.url))
	t.Cleanup(b.check)
	return b
}

func file(t *testing.T, name string) string {
	t.Helper()
	name, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *network.EventLoadingFinished:
		b.bytes += e.EncodedDataLength
	case *runtime.EventExceptionThrown:
		text, _ := json.Marshal(e.ExceptionDetails)
		b.faults = append(b.faults, string(text))
	}
}

// check fails the test if a script failed, the policy refused something, or another
// host was asked for anything.
func (b *tab) check() {
	if text := b.js("JSON.stringify(window.refused)"); text != "[]" {
		b.t.Errorf("the policy refused %s", text)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fault := range b.faults {
		b.t.Errorf("a script of the page failed: %s", fault)
	}
	for _, address := range b.requests {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "data" && u.Scheme != "about" && "http://"+u.Host != b.base {
			b.t.Errorf("the page asked for %s", address)
		}
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) call(f func(context.Context, *chromedp.Target) error) {
	b.t.Helper()
	b.do(chromedp.Func(f))
}

// js evaluates an expression, and returns what it gives as text.
func (b *tab) js(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// until waits until an expression is true.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if b.js("Boolean("+expression+")") == "true" {
			return
		}
	}
	b.shoot("failed")
	b.t.Fatalf("the page does not show %s; it shows:\n%s", what, b.js("document.body.innerText"))
}

// sees waits until the page's text contains a text.
func (b *tab) sees(text string) {
	b.t.Helper()
	b.until(text, "document.body.innerText.includes("+quote(text)+")")
}

// quote writes a text as JSON, and so as JavaScript, with < and > as they are.
func quote(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text)
	return strings.TrimSpace(b.String())
}

// visit opens a place of the page.
func (b *tab) visit(hash string) {
	b.t.Helper()
	b.js("location.hash = " + quote(hash))
	b.until("the view "+hash, "document.querySelector('main h1') && !document.querySelector('main .loading')")
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.until(selector, "document.querySelector("+quote(selector)+") && !document.querySelector("+quote(selector)+").disabled")
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// button clicks the button or link with a text.
func (b *tab) button(text string) {
	b.t.Helper()
	find := "[...document.querySelectorAll('button, a, summary')].find(e => e.textContent.trim() === " + quote(text) + " && !e.disabled && e.checkVisibility())"
	b.until("the button "+text, find)
	b.js(find + ".click()")
}

func (b *tab) press(keys string, options ...chromedp.KeyOption) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys, options...))
}

// drop drops files on the page as somebody does who drags them from a folder.
func (b *tab) drop(selector string, files ...string) {
	b.t.Helper()
	b.until(selector, "document.querySelector("+quote(selector)+")")
	var at struct{ X, Y float64 }
	where := b.js("JSON.stringify((() => { const e = document.querySelector(" + quote(selector) + "); e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + Math.min(r.height, innerHeight) / 2} })())")
	if err := json.Unmarshal([]byte(where), &at); err != nil {
		b.t.Fatal(err)
	}
	for _, kind := range []input.DispatchDragEventType{"dragEnter", "dragOver", "drop"} {
		b.call(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, input.DispatchDragEvent, input.DispatchDragEventParams{
				Type: kind, X: at.X, Y: at.Y, Data: &input.DragData{Items: []*input.DragDataItem{}, Files: files, DragOperationsMask: 1},
			})
			return err
		})
	}
}

// edit replaces the text of the editor with a label, as somebody does who pastes.
func (b *tab) edit(text string) {
	b.t.Helper()
	content := "document.querySelector('.editor').shadowRoot.querySelector('.cm-content')"
	b.until("an editor", "document.querySelector('.editor')?.shadowRoot.querySelector('.cm-content')")
	b.js(content + ".focus()")
	b.press("a", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	b.call(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

// look sets the size of the window and the colours that the system prefers.
func (b *tab) look(width, height int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
	b.call(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	})
}

// shoot keeps a picture in the folder ARTEFACTS, if one is named.
func (b *tab) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("ARTEFACTS")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(folder, 0o777)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o666)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// order is one order as JSON; price is JSON too.
func order(id int, day, name, price string) string {
	return fmt.Sprintf(`{"order_id":%d,"order_date":"%sT10:00:00Z","total_amount":%s,"customer":{"customer_id":%d,"name":%s,"email":"a%d@example.com"},"products":[{"product_id":1,"category":"kitchen","name":"Mug","price":%s,"quantity":1}]}`+"\n",
		id, day, "20.50", 100+id, quote(name), id, price)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// command runs sluice and returns what it prints.
func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(need(t, "SLUICE"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
