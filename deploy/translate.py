"""Translates template.yaml as CloudFormation's SAM transform does, offline, and
prints JSON. Used by the tests in this folder, see translate_test.go."""

import json
import os
import sys

from cfnlint.decode import cfn_yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """No role of the template leaves its policies to SAM."""

    def load(self):
        return {}


def main():
    os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"  # SAM asks for one
    template = cfn_yaml.load(sys.argv[1])
    template = json.loads(json.dumps(template))
    # Packaging puts an address in S3 in the place of a local path.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "packages", "Key": resource["Properties"]["CodeUri"].split("/")[-1]}
    try:
        translated = transform(template, {"AWS::Region": "eu-central-1", "AWS::Partition": "aws"}, NoManagedPolicies())
    except InvalidDocumentException as e:
        sys.exit("\n".join(cause.message for cause in e.causes))
    json.dump(translated, sys.stdout, indent=1, sort_keys=True)
    print()


main()
