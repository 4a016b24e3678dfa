"""Takes orders. Its role may write to the orders table and do nothing else."""

import json
import os
import uuid

import boto3
from botocore.exceptions import ClientError

dynamodb = boto3.client("dynamodb")


def handler(event, context):
    if event["resource"] == "/payroll":
        return scan("PAYROLL_TABLE")
    if event["httpMethod"] == "GET":
        return scan("ORDERS_TABLE")
    return create(event)


def create(event):
    try:
        order = json.loads(event["body"] or "")
        article, quantity = order["article"], order["quantity"]
    except (ValueError, TypeError, KeyError):
        article, quantity = None, None
    if not isinstance(article, str) or not 0 < len(article) <= 200 or not article.isprintable() or type(quantity) is not int or not 0 < quantity <= 1_000_000:
        return answer(400, {"message": "an order is {\"article\": printable text of 1 to 200 characters, \"quantity\": 1 to 1000000}"})
    order_id = str(uuid.uuid4())
    item = {"id": {"S": order_id}, "article": {"S": article}, "quantity": {"N": str(quantity)}}
    dynamodb.put_item(TableName=os.environ["ORDERS_TABLE"], Item=item)
    return answer(201, {"id": order_id})


def scan(table):
    """Asks for more than the role allows: the platform refuses, and this shows its words."""
    try:
        dynamodb.scan(TableName=os.environ[table])
    except ClientError as refused:
        return answer(403, {"refused": refused.response["Error"]})
    return answer(500, {"message": "this role could read: it must never happen"})


def answer(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
