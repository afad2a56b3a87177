with documents as (
    select * from {{ bronze('raw_manifests') }}
    where source = 'pds'
),

records as (
    {{ records(
        'documents',
        'volumes',
        keep={'rover': 'rover'},
        fields={
            'volume': 'volume',
            'url': 'url',
            'present': 'present',
            'lines': 'lines',
            'lines_stated': 'lines_stated',
            'lines_unread': 'lines_unread',
        },
    ) }}
),

renamed as (
    select
        rover,
        volume,
        url,
        present = 'true' as is_present,
        {{ to_integer('lines') }} as lines,
        {{ to_integer('lines_stated') }} as lines_stated,
        {{ to_integer('lines_unread') }} as lines_unread
    from records
)

select * from renamed
