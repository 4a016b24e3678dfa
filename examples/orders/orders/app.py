"""Takes orders. Its role may write to the orders table and do nothing else."""

import json
import os
import uuid

import boto3
from botocore.exceptions import ClientError

dynamodb = boto3.client("dynamodb")


def handler(event, context):
    if event["resource"] == "/payroll":
        return payroll()
    return create(event)


def create(event):
    try:
        order = json.loads(event["body"] or "")
        article, quantity = str(order["article"]), int(order["quantity"])
    except (ValueError, TypeError, KeyError):
        return answer(400, {"message": "an order is {\"article\": text, \"quantity\": number}"})
    order_id = str(uuid.uuid4())
    item = {"id": {"S": order_id}, "article": {"S": article}, "quantity": {"N": str(quantity)}}
    dynamodb.put_item(TableName=os.environ["ORDERS_TABLE"], Item=item)
    return answer(201, {"id": order_id})


def payroll():
    """Reaches for a table that the role does not name: the platform refuses, and this shows its words."""
    try:
        dynamodb.scan(TableName=os.environ["PAYROLL_TABLE"])
    except ClientError as refused:
        return answer(403, {"refused": refused.response["Error"]})
    return answer(500, {"message": "the payroll was readable: this must never happen"})


def answer(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
