//go:build dist

package deploy_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/internal/awslambda/runtimetest"
)

// notReached are actions that the work of TestMotoPermissions does not need.
var notReached = []string{
	"s3:GetObjectVersion",                                                                                            // objects of more than 8 MiB
	"s3:AbortMultipartUpload",                                                                                        // large outputs that fail
	"logs:CreateLogStream", "logs:PutLogEvents", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", // Lambda's own
}

// The function works with the permissions of the template, and without any one
// of them it does not, as far as moto can tell: it compares the actions and,
// for S3, the resources of a role's policies. It knows no conditions, so these
// are left out, and takes the actions of Glue for all tables.
func TestMotoPermissions(t *testing.T) {
	withoutSignatures(t)
	d := deploy(t, variants["typed tables"])
	d.version()
	d.glue("CreateDatabase", map[string]any{"DatabaseInput": d.get("Database", "DatabaseInput")})
	bootstrap := unpack(t)
	statements := statementsOf(d.stack, "FunctionRole")
	if failed, why := d.work(bootstrap, "all", statements); failed {
		t.Fatalf("with all permissions of the template:\n%s", why)
	}
	for i, st := range statements {
		for _, action := range many(at(st, "Action")) {
			if slices.Contains(notReached, action) {
				continue
			}
			less := slices.Clone(statements)
			rest := slices.DeleteFunc(many(at(st, "Action")), func(a string) bool { return a == action })
			less = slices.Delete(less, i, i+1)
			if len(rest) > 0 {
				less = append(less, map[string]any{"Effect": "Allow", "Action": rest, "Resource": at(st, "Resource")})
			}
			name := strings.ReplaceAll(text(at(st, "Sid"))+"-"+action, ":", "-")
			if failed, _ := d.work(bootstrap, name, less); !failed {
				t.Errorf("%s: without %s the function works as well", text(at(st, "Sid")), action)
			}
		}
	}
	// What failed did so for the missing permission, and not for what was left.
	if failed, why := d.work(bootstrap, "again", statements); failed {
		t.Errorf("with all permissions again:\n%s", why)
	}
}

// withoutSignatures has servertest start a moto that takes every signature: it
// computes some of them otherwise than S3 does, once it enforces anything.
func withoutSignatures(t *testing.T) {
	t.Helper()
	server := os.Getenv("SLUICE_MOTO")
	if server == "" {
		server = "moto_server"
	}
	server, err := exec.LookPath(server)
	if err != nil {
		return // servertest says what to install
	}
	script := "#!" + filepath.Join(filepath.Dir(server), "python") + `
import sys
from moto.iam.access_control import IAMRequestBase
from moto.server import main
IAMRequestBase.check_signature = lambda self: None
sys.exit(main())
`
	name := filepath.Join(t.TempDir(), "moto_server")
	if err := os.WriteFile(name, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLUICE_MOTO", name)
}

// work makes the bootstrap commit two objects and create and repair a table,
// with a role that may do what the statements say.
func (d *deployment) work(bootstrap, name string, statements []any) (failed bool, why string) {
	d.t.Helper()
	database := d.params["DatabaseName"]
	tables := func() []map[string]any {
		var got struct{ TableList []map[string]any }
		if err := json.Unmarshal(d.glue("GetTables", map[string]any{"DatabaseName": database}), &got); err != nil {
			d.t.Fatal(err)
		}
		return got.TableList
	}
	api := runtimetest.New(d.t)
	kill, wait := api.Start(d.t, bootstrap, d.environment(append(d.server.Env(), d.assume(name, statements)...))...)
	for step := range 2 {
		d.upload(name + string(rune('a'+step)) + ".json")
		d.enforce(true)
		api.Events <- `{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`
		r := api.Reply(d.t)
		d.enforce(false)
		made := tables()
		if failed = strings.HasSuffix(r.Path, "/error") || len(made) == 0; failed {
			break
		}
		if step == 0 { // next, a table that lacks all columns but one
			storage := object(made[0]["StorageDescriptor"])
			storage["Columns"] = list(storage["Columns"])[:1]
			d.glue("UpdateTable", map[string]any{"DatabaseName": database, "TableInput": map[string]any{
				"Name": "order_lines", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "Parameters": made[0]["Parameters"],
			}})
		}
	}
	kill()
	_, out := wait()
	for range tables() {
		d.glue("DeleteTable", map[string]any{"DatabaseName": database, "Name": "order_lines"})
	}
	return failed || strings.Contains(out, `"catalog failed"`), out
}

// assume makes a role with these statements, and gives its credentials.
func (d *deployment) assume(name string, statements []any) []string {
	d.t.Helper()
	var plain []any
	for _, st := range statements {
		s := map[string]any{"Effect": "Allow", "Action": at(st, "Action"), "Resource": at(st, "Resource")}
		if !strings.HasPrefix(many(at(st, "Action"))[0], "s3:") {
			s["Resource"] = "*"
		}
		plain = append(plain, s)
	}
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": plain})
	if err != nil {
		d.t.Fatal(err)
	}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	d.query("iam", url.Values{"Action": {"CreateRole"}, "RoleName": {name}, "AssumeRolePolicyDocument": {trust}})
	d.query("iam", url.Values{"Action": {"PutRolePolicy"}, "RoleName": {name}, "PolicyName": {"p"}, "PolicyDocument": {string(policy)}})
	answer := d.query("sts", url.Values{"Action": {"AssumeRole"}, "RoleArn": {"arn:aws:iam::" + account + ":role/" + name}, "RoleSessionName": {"sluice"}})
	var c struct {
		Key    string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	if err := xml.Unmarshal(answer, &c); err != nil {
		d.t.Fatal(err)
	}
	return []string{"AWS_ACCESS_KEY_ID=" + c.Key, "AWS_SECRET_ACCESS_KEY=" + c.Secret, "AWS_SESSION_TOKEN=" + c.Token}
}

// enforce has moto check signatures and permissions, or not.
func (d *deployment) enforce(on bool) {
	d.t.Helper()
	after := "inf"
	if on {
		after = "0"
	}
	d.call(http.MethodPost, "moto", "/moto-api/reset-auth", "text/plain", after)
}
